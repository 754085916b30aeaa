"""Blobs of a store that is far away, kept on this machine's disk.

However many clients of a machine want a blob at once, it comes from the store once: the first
request has it fetched into a file, and all of them, in whichever process, send what is in the file
while it grows. Afterwards it is served from there like a blob of a local store.

It replaces the transfer of bytes and nothing else: whether a blob is in a repository, and in the
store, was asked before. Trouble with the cache costs a transfer, not a pull.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import BoundedSemaphore, Thread

from docker_registry.drivers.base import Reader
from docker_registry.errors import StorageError
from docker_registry.registry.blob_files import BlobFiles, Wanted
from docker_registry.registry.names import Digest

log = logging.getLogger(__name__)

#: How many blobs a process fetches at once. What is wanted beside them is not cached this time, so
#: that clients which begin much and end nothing can't have everything fetched.
FETCHES = 16
#: How long, in seconds, the cache is let alone after trouble with its disk.
REST_SECONDS = 60.0
#: How long, in seconds, a reader waits for a file that doesn't grow, though somebody has its lock.
#: A store that is silent is given up sooner; this is for a process that was stopped.
PATIENCE = 120.0
#: How often a reader joins another fetch when the one it followed has ended without success.
TURNS = 3
#: How many bytes are read at a time from a file that grows.
BLOCK_BYTES = 256 * 1024
#: How long is waited between two looks at the file, in seconds: at first, and at most.
SHORT, LONG = 0.001, 0.05


class BlobCache:
    """A cache of blobs, which all processes of a machine may share.

    :param directory: where; is made when it is needed.
    :param budget: bytes that it may have there.
    """

    def __init__(self, directory: Path, budget: int) -> None:
        self.files = BlobFiles(directory, budget)
        self._budget = budget
        self._fetches = BoundedSemaphore(FETCHES)
        self._rests_until = 0.0
        try:
            self.files.sweep()
        except OSError as error:
            self.rest(error)

    def open(self, wanted: Wanted, offset: int = 0, length: int | None = None) -> Reader:
        """Open a blob that is in the store, which is asked only if there is no other way.

        A part is not worth fetching the whole for: it comes from the cache or from the store.

        :raises StorageError: the store can't give it.
        """
        if not self.is_resting:
            try:
                found = self._find(wanted, offset, length)
            except OSError as error:
                self.rest(error)
            else:
                if found is not None:
                    return found
        return wanted.source(offset, length)

    def finish(self, wanted: Wanted, position: int) -> Reader:
        """Open the rest of a blob for whom no fetch has brought it.

        :raises StorageError: the store can't give it.
        """
        whole = None
        try:
            whole = self.files.whole(wanted, position)
        except OSError as error:
            self.rest(error)
        return whole or wanted.source(position, None)

    def _find(self, wanted: Wanted, offset: int, length: int | None) -> Reader | None:
        whole = self.files.whole(wanted, offset, length)
        if whole is not None or offset or length is not None:
            return whole
        if not 0 < wanted.size <= self._budget:
            return None
        file = self.join(wanted)
        return None if file is None else Follower(self, wanted, file)

    @property
    def is_resting(self) -> bool:
        """Whether there was trouble a moment ago."""
        return time.monotonic() < self._rests_until

    def rest(self, error: Exception) -> None:
        """Let the cache alone for a while, and say why."""
        if not self.is_resting:
            log.warning(
                "the cache of blobs (CACHE_BLOBS_PATH) can't be used, and is let alone for %d "
                "seconds, in which blobs come from the store: %s",
                REST_SECONDS,
                error,
            )
        self._rests_until = time.monotonic() + REST_SECONDS

    def join(self, wanted: Wanted) -> int | None:
        """Open the file in which a blob grows, and have it fetched if nobody does that.

        ``None`` if it isn't to be cached now.

        :raises OSError: the cache can't be used.
        :raises StorageError: the store can't give the blob.
        """
        file = self.files.open(wanted)
        return self.lead(wanted, file) if self.files.lock(wanted, file) else file

    def lead(self, wanted: Wanted, file: int) -> int | None:
        """Have a blob fetched into a file whose lock the caller has, and open the file anew.

        The file itself is no longer the caller's. Gives and raises what ``join`` does.
        """
        follower = None
        may_fetch = self._fetches.acquire(blocking=False)
        try:
            if may_fetch and self.files.make_room():
                follower = self._begin(wanted, file)
        finally:
            if follower is None:
                os.close(file)
                if may_fetch:
                    self._fetches.release()
        return follower

    def _begin(self, wanted: Wanted, file: int) -> int:
        follower = self.files.open(wanted)
        try:
            reader = wanted.source(os.fstat(file).st_size, None)
        except BaseException:
            os.close(follower)
            raise
        # Not in the client's thread: he may go away, and others rely on it.
        Thread(target=self._fetch, args=(wanted, reader, file), daemon=True).start()
        return follower

    def _fetch(self, wanted: Wanted, reader: Reader, file: int) -> None:
        """Fetch the rest of a blob to the end of a file, and keep it if it is the blob."""
        try:
            with reader:
                found = _fill(file, reader, wanted.digest.algorithm)
            if found == wanted.digest:
                self.files.keep(wanted, file)
            else:
                log.warning("the bytes of %s have another digest and aren't cached", wanted.digest)
                self.files.drop(wanted)
        except StorageError as error:
            # What came is good: who wants the blob next goes on with it.
            log.warning("fetching %s: %s", wanted.digest, error)
        except OSError as error:
            self.rest(error)
            with suppress(OSError):
                self.files.drop(wanted)
        finally:
            os.close(file)
            self._fetches.release()


class Follower(Reader):
    """A blob, read from a file that grows.

    :param file: open; belongs to the reader.
    """

    def __init__(self, cache: BlobCache, wanted: Wanted, file: int) -> None:
        self.size = self.length = wanted.size
        self._cache = cache
        self._wanted = wanted
        self._file: int | None = file
        self._turns = 0

    def __iter__(self) -> Iterator[bytes]:
        position = 0
        while position < self.size:
            try:
                block = self._next(position)
            except OSError as error:
                self._cache.rest(error)
                block = b""
            if not block:
                self.close()
                with closing(self._cache.finish(self._wanted, position)) as rest:
                    yield from rest
                return
            position += len(block)
            yield block

    def close(self) -> None:
        """Close the file. Fetching goes on."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _next(self, position: int) -> bytes:
        """Give the bytes at a position when they have come; none if they will not."""
        pause, deadline = SHORT, time.monotonic() + PATIENCE
        while self._file is not None and time.monotonic() < deadline:
            limit = min(self.size - position, BLOCK_BYTES)
            block = os.pread(self._file, limit, position)
            if block:
                return block
            time.sleep(pause)
            pause = min(2 * pause, LONG)
            if pause == LONG and os.fstat(self._file).st_size <= position:
                self._look_after(self._file)
        return b""

    def _look_after(self, file: int) -> None:
        """Take over if the fetch has ended before its end; join another if this file is no more."""
        files, wanted = self._cache.files, self._wanted
        leads = files.lock(wanted, file)
        if not leads and files.is_current(wanted, file):
            return
        self._turns += 1
        if leads and self._turns <= TURNS:
            # It is the fetch's from now on.
            self._file = None
            self._file = self._cache.lead(wanted, file)
            return
        self.close()
        # What has become whole meanwhile is found by who opens the rest.
        if self._turns <= TURNS and not self._cache.is_resting:
            whole = files.whole(wanted)
            if whole is None:
                self._file = self._cache.join(wanted)
            else:
                whole.close()


def _fill(file: int, chunks: Reader, algorithm: str) -> Digest:
    """Append to a file, and give the digest of all that is in it then."""
    running = hashlib.new(algorithm)
    position = 0
    while block := os.pread(file, BLOCK_BYTES, position):
        running.update(block)
        position += len(block)
    for chunk in chunks:
        left = memoryview(chunk)
        while left:
            left = left[os.write(file, left) :]
        running.update(chunk)
    return Digest.of_hash(running)
