"""The directory of a blob cache: blobs that are whole, blobs that grow, and room for both.

A whole blob is a file ``sha256-<hex>``. One that is being fetched is ``sha256-<hex>.<size>``: bytes
are only ever appended to it, by whoever holds its lock (flock(2)). A process that dies lets go of
its locks, so who gets the lock of a file that is not yet whole may go on with it.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from docker_registry.drivers.base import Reader
from docker_registry.drivers.local import LocalReader
from docker_registry.errors import PathNotFound, StorageError
from docker_registry.registry.names import Digest

#: How old, in seconds, the mark of a blob's last use may become before it is renewed.
MARK_SECONDS = 60
#: How long, in seconds, what was not fetched to its end is kept for somebody to go on with it.
STALE_SECONDS = 3600

_NAME = re.compile(r"(sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})(\.(?P<size>\d{1,19}))?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A blob that is in the store.

    :ivar size: in bytes.
    :ivar source: opens it there, at an offset and for a length (``None``: to the end).
    """

    digest: Digest
    size: int
    source: Callable[[int, int | None], Reader]

    @property
    def name(self) -> str:
        """The name of its file when it is whole."""
        return f"{self.digest.algorithm}-{self.digest.hex}"


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    size: int
    used: float
    grows: bool


class BlobFiles:
    """Files of one directory, which all processes of a machine may use at once.

    Every method may raise ``OSError``.

    :param directory: is made when it is needed.
    :param budget: bytes that all files may have.
    """

    def __init__(self, directory: Path, budget: int) -> None:
        self._directory = directory
        self._budget = budget

    def whole(
        self, wanted: Wanted, offset: int = 0, length: int | None = None
    ) -> LocalReader | None:
        """Open a part of a blob that is here, whole, and mark it as used."""
        try:
            reader = LocalReader(str(self._whole(wanted)), offset, length)
        except PathNotFound:
            return None
        except StorageError as error:
            raise OSError(str(error)) from error
        if reader.size != wanted.size:
            # What a crash left of it.
            reader.close()
            self._whole(wanted).unlink(missing_ok=True)
            return None
        with suppress(OSError):
            if os.fstat(reader.file.fileno()).st_mtime < time.time() - MARK_SECONDS:
                os.utime(reader.file.fileno())
        return reader

    def open(self, wanted: Wanted) -> int:
        """Open the file of a blob that grows, and make it if there is none."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        return os.open(self._growing(wanted), flags, mode=0o600)

    def lock(self, wanted: Wanted, file: int) -> bool:
        """Take the lock of a file that grows; ``False`` if somebody has it.

        Nor is it taken if the file is no longer the blob's: it may be whole, or was given up.
        """
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if self.is_current(wanted, file):
            if not self._whole(wanted).exists():
                return True
            # It became whole between two looks of who made this file.
            self.drop(wanted)
        fcntl.flock(file, fcntl.LOCK_UN)
        return False

    def is_current(self, wanted: Wanted, file: int) -> bool:
        """Whether an open file is the one in which the blob grows."""
        try:
            return os.path.samestat(self._growing(wanted).stat(), os.fstat(file))
        except FileNotFoundError:
            return False

    def keep(self, wanted: Wanted, file: int) -> None:
        """Make a file whose bytes are the blob's a whole one. For who has its lock."""
        os.fdatasync(file)
        self._growing(wanted).replace(self._whole(wanted))

    def drop(self, wanted: Wanted) -> None:
        """Give up a file that grows. For who has its lock."""
        self._growing(wanted).unlink(missing_ok=True)

    def make_room(self) -> bool:
        """Remove the blobs that were used least recently, until what grows will have room.

        ``False`` if it can't have. Who reads a removed file reads on.
        """
        entries = self._entries()
        held = sum(entry.size for entry in entries)
        for entry in sorted(entries, key=lambda entry: entry.used):
            if held <= self._budget:
                break
            if _remove(entry):
                held -= entry.size
        return held <= self._budget

    def sweep(self) -> None:
        """Remove what was not fetched to its end, and which nobody should go on with.

        What was written before the machine started may be torn. The rest is good, and another
        process may be about to go on with it, unless it is old.
        """
        started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        stale = max(started, time.time() - STALE_SECONDS)
        for entry in self._entries():
            if entry.grows and entry.used < stale:
                _remove(entry)

    def _whole(self, wanted: Wanted) -> Path:
        return self._directory / wanted.name

    def _growing(self, wanted: Wanted) -> Path:
        return self._directory / f"{wanted.name}.{wanted.size}"

    def _entries(self) -> list[_Entry]:
        """List the files, those that grow with the size they will have; nobody else's."""
        found = []
        for path in self._directory.iterdir() if self._directory.exists() else ():
            name = _NAME.fullmatch(path.name)
            if name is None:
                continue
            with suppress(FileNotFoundError):
                known = path.stat()
                size = int(name["size"] or known.st_size)
                found.append(_Entry(path, size, known.st_mtime, grows=name["size"] is not None))
        return found


def _remove(entry: _Entry) -> bool:
    """Remove a file, unless it is being fetched."""
    with suppress(FileNotFoundError), entry.path.open("rb") as file:
        if entry.grows:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if not os.path.samestat(entry.path.stat(), os.fstat(file.fileno())):
                return False
        entry.path.unlink()
    return True
