"""Cutting a stream into the parts that a backend takes, without copying a byte.

A part is sent when it is full, and until then it is held: in memory as long as all parts of the
process have room there, else in a temporary file without a name, which lies where ``TMPDIR`` says.
So the memory of a process doesn't grow with the number of its clients.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import BinaryIO

from docker_registry.errors import Unavailable

MIB = 1024 * 1024
#: What is read of a file at a time.
BLOCK_BYTES = 256 * 1024


class Room:
    """Bytes that may be held in memory. Safe to use from many threads."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = Lock()

    def take(self, size: int) -> bool:
        """Take so many bytes, if they are left."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give(self, size: int) -> None:
        """Give bytes back."""
        with self._lock:
            self._left += size


#: Of all parts of a process: some clients at full speed never need a file.
ROOM = Room(32 * MIB)


class Part:
    """The bytes of one request: chunks, read one after another as they came.

    It is a file as far as http.client needs one; a ``read`` gives a whole chunk, whatever was asked
    for, so that none has to be cut or copied. Bytes are added before the first is read.

    :param chunks: what is in it from the start, whether there is room or not.
    """

    def __init__(self, chunks: Iterable[bytes] = ()) -> None:
        self._chunks: list[bytes | memoryview] = list(chunks)
        self._size = sum(map(len, self._chunks))
        self._lent = 0
        self._file: BinaryIO | None = None
        self._next = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes | memoryview]:
        """Give the chunks, whatever was read."""
        if self._file is None:
            yield from self._chunks
        else:
            for offset in range(0, self._size, BLOCK_BYTES):
                yield os.pread(self._file.fileno(), BLOCK_BYTES, offset)

    def __del__(self) -> None:
        self.release()

    def add(self, chunk: bytes | memoryview) -> None:
        """Add bytes behind the others.

        :raises Unavailable: there is no room for them, nor in a file.
        """
        if self._file is None and not ROOM.take(len(chunk)):
            self._move_to_file()
        if self._file is None:
            self._lent += len(chunk)
            self._chunks.append(chunk)
        else:
            _write(self._file, chunk)
        self._size += len(chunk)

    def read(self, _size: int = -1) -> bytes | memoryview:
        """Give the next chunk; empty at the end."""
        if self._file is not None:
            block = os.pread(self._file.fileno(), BLOCK_BYTES, self._next)
            self._next += len(block)
            return block
        if self._next == len(self._chunks):
            return b""
        self._next += 1
        return self._chunks[self._next - 1]

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to the start, as a retry does, or to the end."""
        end = len(self._chunks) if self._file is None else self._size
        self._next = end if whence == 2 else 0
        return self.tell()

    def tell(self) -> int:
        """Give how many bytes were read."""
        return self._next if self._file is not None else sum(map(len, self._chunks[: self._next]))

    def release(self) -> None:
        """Let go of the bytes: what a library keeps of a request may keep the part for a while."""
        self._chunks = []
        ROOM.give(self._lent)
        self._lent = 0
        if self._file is not None:
            self._file.close()

    def _move_to_file(self) -> None:
        try:
            file: BinaryIO = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        except OSError as error:
            raise _no_room(error) from error
        held = self._chunks
        self.release()
        self._file = file
        for chunk in held:
            _write(file, chunk)


def _write(file: BinaryIO, chunk: bytes | memoryview) -> None:
    left = memoryview(chunk)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> Unavailable:
    return Unavailable(f"there is no room for a part of an upload in {_directory()}: {error}")


def _directory() -> str:
    try:
        return f"TMPDIR, {tempfile.gettempdir()}"
    except OSError:
        return "TMPDIR"


def cut(chunks: Iterable[bytes], sizes: Iterable[int]) -> Iterator[Part]:
    """Give the parts of a stream: all full but the last, which may be small but is not empty.

    :param sizes: of full parts, in bytes; as many as there can be parts, then an error.
    :raises Unavailable: a part can't be held.
    """
    coming = iter(sizes)
    part, size = Part(), next(coming)
    for chunk in chunks:
        rest: bytes | memoryview = chunk
        while len(rest) >= (missing := size - len(part)):
            part.add(memoryview(rest)[:missing])
            rest = memoryview(rest)[missing:]
            yield part
            part, size = Part(), next(coming)
        if rest:
            part.add(rest)
    if part:
        yield part
