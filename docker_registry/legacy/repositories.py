"""Repositories of V1 and their tags, as they are stored."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from docker_registry.drivers.base import Driver
from docker_registry.drivers.concurrency import side_by_side
from docker_registry.errors import PathNotFound
from docker_registry.legacy import layout
from docker_registry.legacy.errors import ImageIdInvalid, RepositoryUnknown, TagUnknown
from docker_registry.legacy.events import Events
from docker_registry.legacy.names import ImageId, RepositoryName, Tag

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredTag:
    """A tag as it was found.

    :ivar name: not a ``Tag``, since old versions took any text for one.
    :ivar path: where it is stored.
    """

    name: str
    image: ImageId
    path: str


class Repositories:
    """All repositories of V1. One is there as long as anything lies in its directory.

    :param events: where deletions are announced.
    """

    def __init__(self, driver: Driver, events: Events | None = None) -> None:
        self._driver = driver
        self._events = events or Events()

    def exists(self, name: RepositoryName) -> bool:
        """Whether there is such a repository, with or without tags."""
        return bool(self._driver.list(layout.repository(name), limit=1))

    def iterate(self, after: str = "") -> Iterator[RepositoryName]:
        """Give the repositories whose directories are greater than ``after``.

        They come in byte order of these (``RepositoryName.directory``), which lie below
        ``repositories/``, page by page of the storage.
        """
        namespace_after, _, repository_after = after.partition("/")
        if namespace_after:
            # The namespace itself is not behind itself.
            yield from self._in_namespace(namespace_after, repository_after)
        for namespace in self._driver.iterate(layout.REPOSITORIES, namespace_after):
            yield from self._in_namespace(namespace, "")

    def tags(self, name: RepositoryName) -> Iterator[StoredTag]:
        """Give the tags of a repository, in byte order of their files.

        What is called like a tag but holds no image's id is left out: 0.9 left such files.

        :raises RepositoryUnknown: there is no such repository.
        """
        directory = layout.repository(name)
        file_names = list(self._driver.iterate(directory))
        if not file_names:
            raise RepositoryUnknown
        tags = [(tag, f) for f in file_names if (tag := layout.tag_of(f)) is not None]
        paths = [f"{directory}/{file_name}" for _, file_name in tags]
        images = side_by_side(self._driver, self._read, paths)
        for (tag, _), path, image in zip(tags, paths, images, strict=True):
            if image is not None:
                yield StoredTag(tag, image, path)

    def tag(self, name: RepositoryName, tag: Tag) -> ImageId:
        """Give the image that a tag points to; ``TagUnknown`` if there is no such tag."""
        image = self._read(layout.tag(name, tag))
        if image is None:
            raise TagUnknown
        return image

    def delete(self, name: RepositoryName) -> None:
        """Remove a repository with its tags; images stay, since V1 doesn't say whose they are.

        :raises RepositoryUnknown: there is no such repository.
        """
        tags = list(self.tags(name))
        try:
            self._driver.delete(layout.repository(name))
        except PathNotFound:
            raise RepositoryUnknown from None
        whole = {"namespace": name.namespace, "repository": name.repository}
        for tag in tags:
            self._events.announce(self._events.tag_deleted, **whole, tag=tag.name, image=tag.image)
        self._events.announce(self._events.repository_deleted, **whole)

    def _in_namespace(self, namespace: str, after: str) -> Iterator[RepositoryName]:
        for repository in self._driver.iterate(f"{layout.REPOSITORIES}/{namespace}", after):
            yield RepositoryName.of_directory(namespace, repository)

    def _read(self, path: str) -> ImageId | None:
        try:
            content = self._driver.get_content(path)
        except PathNotFound:
            return None
        try:
            return ImageId.parse(content.decode("ascii", "replace").strip())
        except ImageIdInvalid:
            log.info("%s holds no image's id (%r): it is no tag", path, content[:80])
            return None
