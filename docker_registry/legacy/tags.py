"""Setting and removing tags of V1, and what is known of their pushes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from docker_registry.drivers.base import Driver
from docker_registry.errors import PathNotFound
from docker_registry.legacy import layout
from docker_registry.legacy.errors import ImageUnknown, RepositoryUnknown, TagUnknown
from docker_registry.legacy.events import Events
from docker_registry.legacy.images import Images
from docker_registry.legacy.names import ImageId, RepositoryName, Tag
from docker_registry.legacy.repositories import Repositories
from docker_registry.registry.write_once import WriteOnce, written_once

#: The tag whose push is that of the repository.
LATEST = Tag("latest")

#: What is said of a push of which nothing was kept.
NOTHING_KNOWN: Mapping[str, Any] = {
    "last_update": None,
    "docker_version": None,
    "docker_go_version": None,
    "arch": "amd64",
    "os": "linux",
    "kernel": None,
}

_PRODUCT = re.compile(r"([^\s/]+)/([^\s/]+)")
#: Parts of the client's User-Agent, such as ``arch/amd64``, and under which name they are kept.
_KEPT = {
    "docker": "docker_version",
    "go": "docker_go_version",
    "arch": "arch",
    "kernel": "kernel",
    "os": "os",
}


class Tags:
    """The tags of all repositories.

    :param write_once: the tags that can't be moved.
    """

    def __init__(
        self,
        driver: Driver,
        repositories: Repositories,
        images: Images,
        events: Events,
        write_once: WriteOnce,
    ) -> None:
        self._driver = driver
        self._repositories = repositories
        self._images = images
        self._events = events
        self._write_once = write_once

    def put(self, name: RepositoryName, tag: Tag, image: ImageId, user_agent: str) -> None:
        """Point a tag to an image, and remember what pushed it.

        0.9 took images that were not complete: a push that was cut off then left a tag that
        nobody could pull, in the place of one that everybody could.

        :raises ImageUnknown: there is no such image.
        :raises ImageUnfinished: it is not complete.
        :raises TagWrittenOnce: the tag points to another one, and can't be moved.
        """
        self._images.check_not_in_progress(image)
        if not self._images.exists(image):
            raise ImageUnknown
        if self._write_once.covers(name.listed, tag):
            self._put_once(name, tag, image)
        else:
            self._driver.put_content(layout.tag(name, tag), image.encode())
        push = json.dumps(_describe(user_agent)).encode()
        self._driver.put_content(layout.tag_json(name, tag), push)
        if tag == LATEST:
            self._driver.put_content(layout.repository_json(name), push)
        self._announce(self._events.tag_created, name, tag, value=image)

    def delete(self, name: RepositoryName, tag: Tag) -> None:
        """Remove a tag; ``TagUnknown`` if there is no such tag."""
        unknown = TagUnknown(f"Tag not found: {tag}")
        try:
            image = self._repositories.tag(name, tag)
            self._driver.delete(layout.tag(name, tag))
        except (TagUnknown, PathNotFound):
            raise unknown from None
        about = [layout.tag_json(name, tag)]
        if tag == LATEST:
            about.append(layout.repository_json(name))
        for path in about:
            with suppress(PathNotFound):
                self._driver.delete(path)
        self._announce(self._events.tag_deleted, name, tag, image=image)

    def written_once(self, name: RepositoryName) -> Iterator[Tag]:
        """Give the tags of a repository that can't be moved."""
        if self._write_once.about(name.listed):
            for tag, _ in self._repositories.iterate_tags(name):
                if self.is_written_once(name, tag):
                    yield tag

    def is_written_once(self, name: RepositoryName, tag: Tag) -> bool:
        """Tell whether a tag can't be moved once it is there."""
        return self._write_once.covers(name.listed, tag)

    def push_of(self, name: RepositoryName, tag: Tag) -> Mapping[str, Any]:
        """Tell what is known of the push of a tag; ``TagUnknown`` if there is no such tag."""
        self._repositories.tag(name, tag)
        return self._read(layout.tag_json(name, tag))

    def push_of_latest(self, name: RepositoryName) -> Mapping[str, Any]:
        """Tell what is known of the push of the tag ``latest``, if there is one.

        :raises RepositoryUnknown: there is no such repository.
        """
        if not self._repositories.exists(name):
            raise RepositoryUnknown
        return self._read(layout.repository_json(name))

    def _put_once(self, name: RepositoryName, tag: Tag, image: ImageId) -> None:
        path = layout.tag(name, tag)
        if not self._driver.create(path, image.encode()) and self._current(name, tag) is None:
            # What holds no image's id is no tag, and would stay for ever.
            self._driver.put_content(path, image.encode())
        # Where the backend has no request for creating, the last one of several wins.
        if self._current(name, tag) not in (None, image):
            raise written_once(tag)

    def _current(self, name: RepositoryName, tag: Tag) -> ImageId | None:
        try:
            return self._repositories.tag(name, tag)
        except TagUnknown:
            return None

    def _read(self, path: str) -> Mapping[str, Any]:
        try:
            found = json.loads(self._driver.get_content(path))
        except (PathNotFound, ValueError, RecursionError):
            return NOTHING_KNOWN
        return {**NOTHING_KNOWN, **found} if isinstance(found, dict) else NOTHING_KNOWN

    def _announce(self, signal: Any, name: RepositoryName, tag: Tag, **what: ImageId) -> None:
        self._events.announce(
            signal, namespace=name.namespace, repository=name.repository, tag=tag, **what
        )


def _describe(user_agent: str) -> dict[str, Any]:
    """Give what a User-Agent of Docker tells: ``docker/1.5.0 go/go1.4.1 kernel/… os/linux …``."""
    said = dict(_PRODUCT.findall(user_agent[:1024]))
    about: dict[str, Any] = {"last_update": int(time.time())}
    for product, key in _KEPT.items():
        if product in said:
            version = said[product]
            about[key] = version if product in ("docker", "go") else version.lower()
    return about
