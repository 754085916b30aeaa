"""Cutting a stream into the parts that a backend takes, without copying a byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Part:
    """The bytes of one request: chunks, read one after another as they came.

    It is a file as far as http.client needs one; a ``read`` gives a whole chunk, whatever was asked
    for, so that none has to be cut or copied.

    :ivar chunks: the same, to be looked at.
    """

    def __init__(self, chunks: list[bytes | memoryview]) -> None:
        self.chunks = chunks
        self._size = sum(map(len, chunks))
        self._next = 0

    def __len__(self) -> int:
        return self._size

    def read(self, _size: int = -1) -> bytes | memoryview:
        """Give the next chunk; empty at the end."""
        if self._next == len(self.chunks):
            return b""
        self._next += 1
        return self.chunks[self._next - 1]

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to the start, as a retry does, or to the end."""
        self._next = len(self.chunks) if whence == 2 else 0
        return self.tell()

    def tell(self) -> int:
        """Give how many bytes were read."""
        return sum(map(len, self.chunks[: self._next]))

    def release(self) -> None:
        """Let go of the bytes: what a library keeps of a request may keep the part for a while."""
        self.chunks = []


def cut(chunks: Iterable[bytes], sizes: Iterable[int]) -> Iterator[Part]:
    """Give the parts of a stream: all full but the last, which may be small but is not empty.

    :param sizes: of full parts, in bytes; as many as there can be parts, then an error.
    """
    coming = iter(sizes)
    held: list[bytes | memoryview] = []
    room = next(coming)
    for chunk in chunks:
        rest: bytes | memoryview = chunk
        while len(rest) >= room:
            held.append(memoryview(rest)[:room])
            rest = memoryview(rest)[room:]
            yield Part(held)
            held, room = [], next(coming)
        if rest:
            held.append(rest)
            room -= len(rest)
    if held:
        yield Part(held)
