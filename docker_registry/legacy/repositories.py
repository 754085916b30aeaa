"""Repositories of V1 and their tags, as they are stored."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from docker_registry.drivers.base import Driver
from docker_registry.drivers.concurrency import side_by_side
from docker_registry.errors import NameInvalid, PathNotFound
from docker_registry.legacy import layout
from docker_registry.legacy.errors import (
    ImageIdInvalid,
    RepositoryUnknown,
    TagInvalid,
    TagUnknown,
)
from docker_registry.legacy.events import Events
from docker_registry.legacy.members import Members
from docker_registry.legacy.names import (
    DEFAULT_NAMESPACE,
    QUOTED_SLASH,
    ImageId,
    RepositoryName,
    Tag,
)
from docker_registry.registry.names import RepositoryName as TodaysName
from docker_registry.registry.walk import in_byte_order

log = logging.getLogger(__name__)

#: How many tags are read before the next ones are listed.
BATCH = 100


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

    def iterate_todays(self, after: str = "") -> Iterator[TodaysName]:
        """Give the names greater than ``after`` that are today's too, in byte order.

        Of the repositories with a tag that clients can ask for. What is stored under another name
        than clients lead to (by versions before 0.8.1) is left out.
        """
        for text in in_byte_order(self._children, after):
            name = RepositoryName.of_listed(text)
            if name is not None and self.has_tags(name):
                yield name.todays()

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

    def has_tags(self, name: RepositoryName) -> bool:
        """Whether a repository has a tag that clients can ask for."""
        paths = (layout.tag(name, tag) for tag in self._tag_names(name, ""))
        return any(image is not None for image in map(self._read, paths))

    def iterate_tags(self, name: RepositoryName, after: str = "") -> Iterator[tuple[Tag, ImageId]]:
        """Give the tags that clients can ask for, behind ``after``, in byte order.

        None where there is no such repository.
        """
        tags = self._tag_names(name, after)
        while batch := list(islice(tags, BATCH)):
            paths = [layout.tag(name, tag) for tag in batch]
            images = side_by_side(self._driver, self._read, paths)
            for tag, image in zip(batch, images, strict=True):
                if image is not None:
                    yield tag, image

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
        members = Members(self._driver)
        tags = list(self.tags(name))
        # Before, in case of a crash; behind, since somebody may see the tags in between.
        members.forget_repository(name)
        try:
            self._driver.delete(layout.repository(name))
        except PathNotFound:
            raise RepositoryUnknown from None
        members.forget_repository(name)
        whole = {"namespace": name.namespace, "repository": name.repository}
        for tag in tags:
            self._events.announce(self._events.tag_deleted, **whole, tag=tag.name, image=tag.image)
        self._events.announce(self._events.repository_deleted, **whole)

    def _children(self, prefix: str) -> Iterator[str]:
        """Give the names and prefixes of today below a prefix; see ``in_byte_order``."""
        if prefix:
            return self._below(*prefix.split("/", 1))
        library = f"{layout.REPOSITORIES}/{DEFAULT_NAMESPACE}"
        bare = filter(_is_component, self._driver.iterate(library))
        namespaces = filter(_is_component, self._driver.iterate(layout.REPOSITORIES))
        return heapq.merge(bare, (f"{one}/" for one in namespaces), key=lambda one: one.rstrip("/"))

    def _below(self, namespace: str, within: str) -> Iterator[str]:
        start = within.replace("/", QUOTED_SLASH)
        stored = self._driver.iterate(f"{layout.REPOSITORIES}/{namespace}", start)
        for one in takewhile(lambda one: one.startswith(start), stored):
            component, deeper, _ = one.removeprefix(start).partition(QUOTED_SLASH)
            # What is in "library", and not deeper, is listed without it.
            if _is_component(component) and (deeper or within or namespace != DEFAULT_NAMESPACE):
                yield f"{namespace}/{within}{component}{'/' if deeper else ''}"

    def _tag_names(self, name: RepositoryName, after: str) -> Iterator[Tag]:
        """Give what is called like a tag that clients can ask for, behind ``after``."""
        files = self._driver.iterate(layout.repository(name), f"{layout.TAG_PREFIX}{after}")
        for file in takewhile(lambda file: file.startswith(layout.TAG_PREFIX), files):
            try:
                yield Tag.parse(file.removeprefix(layout.TAG_PREFIX))
            except TagInvalid:
                continue

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


def _is_component(text: str) -> bool:
    """Whether text is a component of a name of today, and not quoted."""
    try:
        return "/" not in TodaysName.parse(text)
    except NameInvalid:
        return False
