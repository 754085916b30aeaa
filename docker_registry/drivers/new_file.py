"""The bytes of a new file on their way to the disk."""

from __future__ import annotations

import errno
import os
from concurrent.futures import Future, wait

from docker_registry.drivers.base import CHUNK_BYTES
from docker_registry.drivers.durability import Durability
from docker_registry.drivers.file_errors import storage_errors
from docker_registry.errors import Unavailable

#: How many bytes more a growing file has when the disk is given them: what is left for the end is
#: waited for. Half of it makes several uploads at once slower.
AHEAD_BYTES = 16 * 1024 * 1024

#: What ``copy_file_range`` says where it can't copy between two files (copy_file_range(2)).
_NO_COPY = {errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.EPERM}


class NewFile:
    """A file being written.

    :param path: its name, absolute.
    :param descriptor: the open file; it is this object's from now on.
    :ivar size: bytes written so far.
    """

    def __init__(self, path: str, descriptor: int, durability: Durability) -> None:
        self.size = 0
        self.path = path
        self._descriptor = descriptor
        self._durability = durability
        self._ahead: Future[None] | None = None
        self._size_ahead = 0

    def write(self, data: bytes) -> None:
        """Add bytes at the end; the disk gets them while more are on their way."""
        rest = memoryview(data)
        with storage_errors(self.path):
            while rest:
                written = os.write(self._descriptor, rest)
                self.size += written
                rest = rest[written:]
            if self.size - self._size_ahead >= AHEAD_BYTES:
                self._go_ahead()

    def copy(self, source: int, size: int) -> None:
        """Add ``size`` bytes of an open file, inside the kernel where the file system can."""
        with storage_errors(self.path):
            left = size
            try:
                while left and (copied := os.copy_file_range(source, self._descriptor, left)):
                    left -= copied
            except OSError as error:
                if error.errno not in _NO_COPY:
                    raise
            self.size += size - left
            while left:
                data = os.read(source, min(left, CHUNK_BYTES))
                if not data:
                    raise Unavailable(f"{self.path}: the file to copy ends {left} bytes early")
                self.write(data)
                left -= len(data)

    def sync(self) -> None:
        """Make its bytes durable: a name that survives a crash must not lead to an empty file."""
        with storage_errors(self.path):
            if self._ahead is not None:
                self._ahead.result()
            self._durability.of_file(self._descriptor)

    def links(self) -> int:
        """Give how many names it has."""
        return os.fstat(self._descriptor).st_nlink

    def close(self) -> None:
        """Close it."""
        if self._ahead is not None:
            wait([self._ahead])
        os.close(self._descriptor)

    def _go_ahead(self) -> None:
        """Have the disk take what there is, unless it is still at what was there before."""
        if self._ahead is not None:
            if not self._ahead.done():
                return
            self._ahead.result()
        self._size_ahead = self.size
        self._ahead = self._durability.ahead(self._descriptor)
