"""Uploads of the same bytes at the same time, for which the store is given them once.

When many clients push images on a new base, each sends the base's layers, and names their digests
only behind their last bytes. So uploads that begin alike are taken to be of the same: the first of
them on a machine goes to the store as it comes, and the others are held on the machine's disk. At
the end their digest is known, and what the store has got meanwhile isn't given to it again.

It spares transfers and nothing else: no upload fails for it. If those that are held have waited as
long as they took to come, one of them is given to the store, from the disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from docker_registry.registry.names import Digest

log = logging.getLogger(__name__)

#: By how many bytes uploads are compared. Shorter ones aren't worth it.
BEGINNING_BYTES = 256 * 1024
#: How many bytes of what is held are read at a time.
PIECE_BYTES = 256 * 1024
#: How much of the disk, of one, is left free by what is held.
FREE_SHARE = 0.1
#: How many bytes of one upload are held: if it is given to the store in the end, the client waits
#: for that behind its last byte, and a proxy between the two mostly for a minute.
MOST_HELD_BYTES = 1024 * 1024 * 1024
#: How long is waited for others to store the same, in seconds: not longer than the bytes took to
#: come, within these limits.
LEAST_PATIENCE, MOST_PATIENCE = 2.0, 30.0
#: How long, in seconds, the client that sent the same before has to name its digest.
NAMING_SECONDS = 5.0
#: How long is waited between two looks, in seconds.
PAUSE = 0.25


class SharedUploads:
    """What the processes of a machine know of the uploads that they receive.

    :param directory: of files for locks and bytes; made when it is needed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def receive(self, chunks: Iterable[bytes]) -> Iterator[Incoming]:
        """Begin to receive an upload, or receive it whole if another one began alike.

        Raises what ``chunks`` raises.
        """
        rest = iter(chunks)
        beginning = deque(_beginning(rest))
        incoming = Incoming(chain(_let_go(beginning), rest))
        if sum(map(len, beginning)) < BEGINNING_BYTES:
            yield incoming
            return
        turn = Turn(self._directory / _name(beginning))
        try:
            hold = None if turn.take() else self._open()
        except OSError as error:
            log.warning("uploads of the same aren't recognized (CACHE_BLOBS_PATH): %s", error)
            hold = None
        try:
            if hold is not None:
                incoming.hold(hold, turn)
            yield incoming
        finally:
            turn.give()
            if hold is not None:
                hold.close()

    def _open(self) -> BinaryIO:
        return tempfile.TemporaryFile(dir=self._directory, buffering=0)


class Incoming:
    """The bytes of an upload, to be read once; again where all are held.

    :ivar is_held: whether all have come, and are on this machine's disk.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.is_held = False
        self._chunks = chunks
        self._file: BinaryIO | None = None
        self._turn: Turn | None = None
        self._took = 0.0

    def __iter__(self) -> Iterator[bytes]:
        if self._file is not None:
            self._file.seek(0)
            while chunk := self._file.read(PIECE_BYTES):
                yield chunk
        yield from self._chunks

    def hold(self, file: BinaryIO, turn: Turn) -> None:
        """Receive all bytes into a file, unless they are too many, or the disk has no room."""
        began = time.monotonic()
        self._file, self._turn = file, turn
        self.is_held = True
        for chunk in self._chunks:
            if not _add(chunk, file):
                self._chunks = chain([chunk], self._chunks)
                self.is_held = False
                break
        self._took = time.monotonic() - began

    def store_once(
        self, digest: Digest, is_stored: Callable[[], bool], store: Callable[[], object]
    ) -> None:
        """Store what is held, unless another upload of the same does so.

        :param digest: of what is held.
        :param is_stored: whether the store has it.
        :param store: gives it to the store.
        """
        turn = self._turn
        assert turn is not None, "not held"
        storing = turn.beside(digest.replace(":", "-"))
        patience = min(max(self._took, LEAST_PATIENCE), MOST_PATIENCE)
        deadline = time.monotonic() + patience
        was_first = False
        try:
            while not is_stored():
                # Who sent the same before has sent all, or is gone.
                is_first = turn.take()
                if is_first and not was_first:
                    deadline = min(deadline, time.monotonic() + NAMING_SECONDS)
                was_first = is_first
                if time.monotonic() >= deadline and storing.take():
                    # Another may have done so between the look and the lock.
                    if not is_stored():
                        store()
                    return
                time.sleep(PAUSE)
        finally:
            storing.give()


class Turn:
    """A lock that one of all threads and processes has, and which ends with its process.

    :param path: of its file, which is there as long as somebody has the lock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> bool:
        """Take it unless another has it; ``OSError`` where files can't be made."""
        if self._file is not None:
            return True
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Else it is the file of one who gave it back meanwhile.
            if os.path.samestat(self._path.stat(), os.fstat(file)):
                self._file = file
                return True
        os.close(file)
        return False

    def beside(self, name: str) -> Turn:
        """Give another lock, whose file is in the same directory."""
        return Turn(self._path.with_name(name))

    def give(self) -> None:
        """Give it back, if it was taken."""
        if self._file is not None:
            with suppress(OSError):
                self._path.unlink()
            os.close(self._file)
            self._file = None


def _name(pieces: Iterable[bytes]) -> str:
    running = hashlib.sha256()
    for piece in pieces:
        running.update(piece)
    return running.hexdigest()


def _let_go(pieces: deque[bytes]) -> Iterator[bytes]:
    """Give pieces that nobody needs afterwards: uploads take long, and there are many."""
    while pieces:
        yield pieces.popleft()


def _beginning(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    while size < BEGINNING_BYTES and (chunk := next(chunks, b"")):
        size += len(chunk)
        yield chunk


def _add(chunk: bytes, file: BinaryIO) -> bool:
    """Write at the end of a file; ``False``, and nothing done, if it is full, or the disk."""
    end, left = file.tell(), memoryview(chunk)
    if end + len(chunk) > MOST_HELD_BYTES:
        return False
    disk = os.fstatvfs(file.fileno())
    if disk.f_bavail < disk.f_blocks * FREE_SHARE:
        return False
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        log.warning("an upload isn't held (CACHE_BLOBS_PATH): %s", error)
        file.truncate(end)
        return False
    return True
