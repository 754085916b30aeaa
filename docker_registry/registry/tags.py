"""Tags: names that point to manifests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from docker_registry.drivers.base import Driver
from docker_registry.errors import ManifestUnknown, PathNotFound, TagInvalid
from docker_registry.registry import layout
from docker_registry.registry.links import read_link, write_link
from docker_registry.registry.names import Digest, RepositoryName, Tag


class Tags:
    """The tags of all repositories."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def get(self, repository: RepositoryName, tag: Tag) -> Digest:
        """Give what a tag points to; ``ManifestUnknown`` if there is no such tag."""
        digest = read_link(self._driver, layout.tag_link(repository, tag))
        if digest is None:
            raise _unknown(tag)
        return digest

    def list(self, repository: RepositoryName, after: str = "", limit: int = 1000) -> list[Tag]:
        """Give at most ``limit`` tags greater than ``after``, in byte order.

        Fewer than ``limit`` means that there are no more.
        """
        return list(islice(self._iterate(repository, after, limit), limit))

    def iterate(self, repository: RepositoryName) -> Iterator[Tag]:
        """Give all tags, in byte order."""
        return self._iterate(repository)

    def put(self, repository: RepositoryName, tag: Tag, digest: Digest) -> None:
        """Point a tag to a manifest that is in the repository."""
        write_link(self._driver, layout.tag_link(repository, tag), digest)
        # The history is Distribution's; nothing here depends on it, so it needn't be durable.
        history = layout.tag_history_link(repository, tag, digest)
        self._driver.put_transient(history, digest.encode("ascii"))
        if read_link(self._driver, layout.tag_link(repository, tag)) is None:
            # The tag was deleted in between: a history alone would keep it in lists.
            with suppress(PathNotFound):
                self._driver.delete(history)

    def delete(self, repository: RepositoryName, tag: Tag) -> None:
        """Remove a tag; ``ManifestUnknown`` if there is no such tag."""
        try:
            self._driver.delete(layout.tag(repository, tag))
        except PathNotFound:
            raise _unknown(tag) from None

    def _iterate(
        self, repository: RepositoryName, after: str = "", page: int = 1000
    ) -> Iterator[Tag]:
        """Give the tags behind ``after``; a name that can't be a tag's is passed over."""
        for name in self._driver.iterate(layout.tags(repository), after, page):
            with suppress(TagInvalid):
                yield Tag.parse(name)

    def pointing_to(self, repository: RepositoryName, digest: Digest) -> Iterator[Tag]:
        """Give the tags that point to a manifest, by reading each tag of the repository."""
        for tag in self.iterate(repository):
            if read_link(self._driver, layout.tag_link(repository, tag)) == digest:
                yield tag


def _unknown(tag: Tag) -> ManifestUnknown:
    return ManifestUnknown("the tag is not in this repository", {"tag": tag})
