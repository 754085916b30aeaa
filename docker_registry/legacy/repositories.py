"""Repositories of V1 and their tags, as they are stored."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from docker_registry.drivers.base import Driver
from docker_registry.errors import PathNotFound
from docker_registry.legacy import layout
from docker_registry.legacy.errors import ImageIdInvalid, RepositoryUnknown, TagUnknown
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
    """All repositories of V1. One is there as long as anything lies in its directory."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

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
        found = False
        for file_name in self._driver.iterate(directory):
            found = True
            tag = layout.tag_of(file_name)
            if tag is None:
                continue
            path = f"{directory}/{file_name}"
            image = self._read(path)
            if image is not None:
                yield StoredTag(tag, image, path)
        if not found:
            raise RepositoryUnknown

    def tag(self, name: RepositoryName, tag: Tag) -> ImageId:
        """Give the image that a tag points to; ``TagUnknown`` if there is no such tag."""
        image = self._read(layout.tag(name, tag))
        if image is None:
            raise TagUnknown
        return image

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
