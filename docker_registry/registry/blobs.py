"""Blobs: bytes under their digest, and which repository may see them."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from docker_registry.drivers.base import Driver, Reader
from docker_registry.errors import AccessDenied, BlobUnknown, PathNotFound
from docker_registry.registry import layout
from docker_registry.registry.blob_cache import BlobCache
from docker_registry.registry.blob_files import Wanted
from docker_registry.registry.cache import SizeCache
from docker_registry.registry.links import read_link, write_link
from docker_registry.registry.names import Digest, RepositoryName

#: A blob that a client is told of is touched when it is older than this, in seconds, so that
#: garbage collection, whose grace is twice as long, doesn't take it before its manifest comes.
TOUCH_AFTER = 12 * 3600

#: How many sizes of blobs a process remembers, and for how many seconds.
SIZES, SIZES_HOLD = 10_000, 300.0


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob that is in a repository.

    :ivar stored: digest under which its bytes are stored.
    """

    blobs: Blobs
    stored: Digest

    @property
    def path(self) -> str:
        """Where its bytes are in the storage."""
        return layout.blob(self.stored)

    def size(self) -> int:
        """Give its size in bytes, and renew its life; ``BlobUnknown`` if the bytes are gone."""
        return self.blobs.size(self.stored)

    def open(self, offset: int = 0, length: int | None = None) -> Reader:
        """Open it at ``offset``, for ``length`` bytes or to the end."""
        return self.blobs.open(self.stored, offset, length)


class Blobs:
    """The blobs of all repositories.

    A blob's bytes are stored once, whatever the number of repositories that have it; a repository
    has a blob when a link says so.

    :param cache: where bytes are kept nearer than in the storage, if anywhere.
    """

    def __init__(self, driver: Driver, cache: BlobCache | None = None) -> None:
        self._driver = driver
        self._cache = cache
        self._sizes = SizeCache(SIZES, SIZES_HOLD)

    @property
    def are_files(self) -> bool:
        """Whether blobs are files, at their paths below one directory."""
        return self._driver.has_files

    def stat(self, repository: RepositoryName, digest: Digest) -> int:
        """Give the size, in bytes, of a blob in a repository; ``BlobUnknown`` if it is not there.

        Whoever is told that a blob is there may rely on it for a push, so its life is renewed.
        """
        return self.size(self._resolve(repository, digest))

    def find(self, repository: RepositoryName, digest: Digest) -> Blob:
        """Give a blob in a repository, without asking for its bytes yet."""
        return Blob(self, self._resolve(repository, digest))

    def open(self, stored: Digest, offset: int = 0, length: int | None = None) -> Reader:
        """Open the bytes that are stored under a digest."""
        source = partial(self._driver.reader, layout.blob(stored))
        try:
            if self._cache is None:
                reader = source(offset, length)
            else:
                # The size is the storage's answer: what it has lost isn't given from a cache.
                wanted = Wanted(stored, self.size(stored), source)
                reader = self._cache.open(wanted, offset, length)
        except PathNotFound:
            self._sizes.drop(stored)
            raise _unknown(stored) from None
        if lost_its_bytes(stored, reader.size):
            reader.close()
            raise _unknown(stored)
        return reader

    def redirect_url(
        self, repository: RepositoryName, digest: Digest, method: str, seconds: int
    ) -> str | None:
        """Give an address of the backend itself for a blob, where there is one."""
        path = layout.blob(self._resolve(repository, digest))
        return self._driver.redirect_url(path, method, seconds)

    def has(self, repository: RepositoryName, digest: Digest) -> bool:
        """Whether a blob is in a repository, with its life renewed if it is."""
        try:
            self.stat(repository, digest)
        except BlobUnknown:
            return False
        return True

    def is_stored(self, digest: Digest) -> bool:
        """Ask the store whether it has a blob's bytes, for whichever repository; renew their life.

        A push relies on the answer, so what is remembered doesn't count.
        """
        self._sizes.drop(digest)
        try:
            self.size(digest)
        except BlobUnknown:
            return False
        return True

    def mount(self, source: RepositoryName | None, target: RepositoryName, digest: Digest) -> bool:
        """Give ``target`` a blob that ``source`` has, or any repository if that is ``None``.

        ``False``, and nothing done, when there is no such blob.
        """
        try:
            stored = self._resolve(source, digest) if source else digest
            self.size(stored)
        except BlobUnknown:
            return False
        self.link(target, digest, stored)
        return True

    def add(self, repository: RepositoryName, digest: Digest, size: int) -> None:
        """Put a blob whose bytes, ``size`` of them, were just stored into a repository."""
        self.link(repository, digest, digest)
        self._sizes.put(digest, size)

    def link(self, repository: RepositoryName, digest: Digest, stored: Digest) -> None:
        """Put a blob whose bytes are stored under ``stored`` into a repository."""
        write_link(self._driver, layout.layer_link(repository, digest), stored)

    def delete(self, repository: RepositoryName, digest: Digest) -> None:
        """Take a blob out of a repository. Its bytes stay until garbage collection."""
        try:
            self._driver.delete(layout.layer_link(repository, digest))
        except PathNotFound:
            raise _unknown(digest) from None

    def _resolve(self, repository: RepositoryName, digest: Digest) -> Digest:
        """Give the digest under which a repository's blob is stored.

        It differs from the one asked for where Distribution stored a blob that was pushed with
        another algorithm under its sha256.
        """
        stored = read_link(self._driver, layout.layer_link(repository, digest))
        if stored is None:
            raise _unknown(digest)
        return stored

    def size(self, stored: Digest) -> int:
        """Give the size, in bytes, of what is stored under a digest, and renew its life."""
        size = self._sizes.get(stored)
        if size is not None:
            return size
        path = layout.blob(stored)
        try:
            known = self._driver.stat(path)
            if known.modified < time.time() - TOUCH_AFTER:
                # Where nothing may be written, nothing may be collected either.
                with suppress(AccessDenied):
                    self._driver.touch(path)
        except PathNotFound:
            raise _unknown(stored) from None
        if lost_its_bytes(stored, known.size):
            raise _unknown(stored)
        self._sizes.put(stored, known.size)
        return known.size


def lost_its_bytes(stored: Digest, size: int) -> bool:
    """Tell whether a blob is what a crash leaves of one where files aren't synced: empty.

    Such a blob counts as absent, so that clients push it again.
    """
    return size == 0 and stored != Digest.of(b"", stored.algorithm)


def _unknown(digest: Digest) -> BlobUnknown:
    return BlobUnknown("the blob is not in this repository", {"digest": digest})
