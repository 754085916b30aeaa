"""Tags: names that point to manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from docker_registry.drivers.base import Driver
from docker_registry.drivers.concurrency import side_by_side
from docker_registry.errors import ManifestUnknown, PathNotFound, TagInvalid
from docker_registry.registry import layout
from docker_registry.registry.links import parse_link, read_link, write_link
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.registry.tag_history import may_point_to
from docker_registry.registry.write_once import WriteOnce, written_once

#: How many tags are read side by side at most.
TAGS_AT_ONCE = 1000
#: How many tags are rather read than listed with all that they ever pointed to.
FEW_TAGS = 100


class Tags:
    """The tags of all repositories.

    :param write_once: the tags that can't be moved; by default all can.
    """

    def __init__(self, driver: Driver, write_once: WriteOnce | None = None) -> None:
        self._driver = driver
        self._write_once = write_once or WriteOnce()

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

    def links(self, repository: RepositoryName) -> Iterator[tuple[Tag, Digest]]:
        """Give all tags and what they point to, in byte order."""
        for name, content in self._driver.contents(layout.tags(repository), layout.CURRENT_LINK):
            tag, digest = _parse(name), parse_link(content)
            if tag is not None and digest is not None:
                yield tag, digest

    def check(self, repository: RepositoryName, tag: Tag, digest: Digest) -> None:
        """Raise ``TagWrittenOnce`` if ``put`` would, as far as that is known before."""
        if self._write_once.covers(repository, tag):
            current = read_link(self._driver, layout.tag_link(repository, tag))
            if current not in (None, digest):
                raise written_once(tag)

    def put(self, repository: RepositoryName, tag: Tag, digest: Digest) -> None:
        """Point a tag to a manifest that is in the repository.

        :raises TagWrittenOnce: it points to another one, and can't be moved.
        """
        if self._write_once.covers(repository, tag):
            self._put_once(repository, tag, digest)
        else:
            write_link(self._driver, layout.tag_link(repository, tag), digest)
        # The history is Distribution's; nothing here depends on it, so it needn't be durable.
        history = layout.tag_history_link(repository, tag, digest)
        self._driver.put_transient(history, digest.encode("ascii"))
        if read_link(self._driver, layout.tag_link(repository, tag)) is None:
            # The tag was deleted in between: a history alone would keep it in lists.
            with suppress(PathNotFound):
                self._driver.delete(history)

    def written_once(
        self, repository: RepositoryName, digest: Digest | None = None
    ) -> Iterator[Tag]:
        """Give the tags that can't be moved; those that point to a manifest, if one is given."""
        if not self._write_once.about(repository):
            return
        tags = self.pointing_to(repository, digest) if digest else self.iterate(repository)
        yield from (tag for tag in tags if self.is_written_once(repository, tag))

    def is_written_once(self, repository: RepositoryName, tag: Tag) -> bool:
        """Tell whether a tag can't be moved once it is there."""
        return self._write_once.covers(repository, tag)

    def delete(self, repository: RepositoryName, tag: Tag) -> None:
        """Remove a tag; ``ManifestUnknown`` if there is no such tag."""
        try:
            self._driver.delete(layout.tag(repository, tag))
        except PathNotFound:
            raise _unknown(tag) from None

    def _iterate(
        self, repository: RepositoryName, after: str = "", page: int = 1000
    ) -> Iterator[Tag]:
        """Give the tags behind ``after``."""
        return _valid(self._driver.iterate(layout.tags(repository), after, page))

    def pointing_to(self, repository: RepositoryName, digest: Digest) -> Iterator[Tag]:
        """Give the tags that point to a manifest.

        Each tag of the repository is read, but for those that the backend's list shows to point
        elsewhere, where there are many.
        """
        directory = layout.tags(repository)
        known = self._driver.fingerprints(directory)
        if known is None or len(self._driver.list(directory, limit=FEW_TAGS)) < FEW_TAGS:
            yield from (tag for tag, link in self.links(repository) if link == digest)
            return
        tags = _valid(may_point_to(digest, known))

        def read(tag: Tag) -> Digest | None:
            return read_link(self._driver, layout.tag_link(repository, tag))

        while some := list(islice(tags, TAGS_AT_ONCE)):
            links = side_by_side(self._driver, read, some)
            yield from (tag for tag, link in zip(some, links, strict=True) if link == digest)

    def _put_once(self, repository: RepositoryName, tag: Tag, digest: Digest) -> None:
        path = layout.tag_link(repository, tag)
        created = self._driver.create(path, digest.encode("ascii"))
        if not created and read_link(self._driver, path) is None:
            # A link that holds no digest counts as absent, and would stay for ever.
            write_link(self._driver, path, digest)
        # Where the backend has no request for creating, the last one of several wins.
        if read_link(self._driver, path) not in (None, digest):
            raise written_once(tag)


def _valid(names: Iterable[str]) -> Iterator[Tag]:
    """Pass over what can't be a tag's name."""
    return (tag for name in names if (tag := _parse(name)) is not None)


def _parse(name: str) -> Tag | None:
    try:
        return Tag.parse(name)
    except TagInvalid:
        return None


def _unknown(tag: Tag) -> ManifestUnknown:
    return ManifestUnknown("the tag is not in this repository", {"tag": tag})
