"""Reading a store for an inspection, and remembering some of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from docker_registry.drivers.base import Driver
from docker_registry.errors import DigestInvalid, PathNotFound
from docker_registry.registry import layout
from docker_registry.registry.blobs import lost_its_bytes
from docker_registry.registry.names import Digest, RepositoryName
from docker_registry.upkeep.inspection.findings import Finding

#: How many sizes of blobs, and how many links, are remembered.
REMEMBERED = 50_000

#: How the names of the files end that registry:3 renames when they are whole.
_TEMPORARY = ".tmp"


class BadLink(Exception):
    """A link leads nowhere; the text says why."""


class Contents:
    """What is in a store. Safe for many threads.

    Links and blobs that many manifests share are asked for once, as long as they are remembered.
    """

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.size = lru_cache(REMEMBERED)(self._size)
        self.layer = lru_cache(REMEMBERED)(self._layer)

    def read_link(self, path: str) -> Digest:
        """Give what a link holds; ``BadLink`` if it is no digest."""
        try:
            text = self.driver.get_content(path)
        except PathNotFound:
            raise BadLink("there is no link") from None
        if not text:
            raise BadLink("the link is empty, as a crash leaves it")
        try:
            return Digest.parse(text.decode("ascii", "replace").strip())
        except DigestInvalid:
            raise BadLink(f"the link holds no digest but {text[:80]!r}") from None

    def has_manifest(self, repository: RepositoryName, digest: Digest) -> bool:
        """Tell whether a link says that a manifest is in a repository."""
        return self._follow(layout.revision_link(repository, digest)) is not None

    def temporary_files(self, directory: str) -> Iterator[Finding]:
        """Give the temporary files in a directory, where objects are files."""
        if not self.driver.has_files:
            return
        for name in self.driver.iterate(directory):
            if name.endswith(_TEMPORARY):
                yield Finding(
                    f"{directory}/{name}",
                    "a file that registry:3 was writing when it was cut off",
                    "delete it when nothing is being pushed",
                    is_leftover=True,
                )

    def _size(self, digest: Digest) -> int | None:
        """Give the size of a blob in bytes; ``None`` if it, or its bytes, are not there."""
        try:
            size = self.driver.stat(layout.blob(digest)).size
        except PathNotFound:
            return None
        return None if lost_its_bytes(digest, size) else size

    def _layer(self, repository: RepositoryName, digest: Digest) -> Digest | None:
        """Give the digest under which a repository's blob is stored; ``None`` without a link."""
        return self._follow(layout.layer_link(repository, digest))

    def _follow(self, path: str) -> Digest | None:
        try:
            return self.read_link(path)
        except BadLink:
            return None
