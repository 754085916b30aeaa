"""Cutting a stream into the parts of a multipart upload, without copying a byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docker_registry.drivers.s3.client import MIB
from docker_registry.errors import QuotaExceeded

#: S3 API Reference, "Multipart upload limits"; the same in RGW (rgw_multipart_min_part_size,
#: rgw_multipart_part_upload_limit).
MOST_PARTS = 10_000
LEAST_PART_BYTES = 5 * MIB
#: The size of the first parts, and how many parts have the same size before it grows by as much:
#: 8,000 MiB fit in the first 1,000 parts, 100 GiB in 4,600, and 429 GiB in all.
STEP_BYTES = 8 * MIB
STEP_PARTS = 1000


class Part:
    """The bytes of one request: chunks, read one after another as they came.

    It is a file as far as botocore and http.client need one; a ``read`` gives a whole chunk,
    whatever was asked for, so that none has to be cut or copied.
    """

    def __init__(self, chunks: list[bytes | memoryview]) -> None:
        self._chunks = chunks
        self._size = sum(map(len, chunks))
        self._next = 0

    def __len__(self) -> int:
        return self._size

    def read(self, _size: int = -1) -> bytes | memoryview:
        """Give the next chunk; empty at the end."""
        if self._next == len(self._chunks):
            return b""
        self._next += 1
        return self._chunks[self._next - 1]

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to the start, as a retry does, or to the end."""
        self._next = len(self._chunks) if whence == 2 else 0
        return self.tell()

    def tell(self) -> int:
        """Give how many bytes were read."""
        return sum(map(len, self._chunks[: self._next]))


def cut(chunks: Iterable[bytes]) -> Iterator[Part]:
    """Give the parts of a stream: all full but the last, which may be small but is not empty."""
    held: list[bytes | memoryview] = []
    room, number = part_bytes(0), 0
    for chunk in chunks:
        rest: bytes | memoryview = chunk
        while len(rest) >= room:
            held.append(memoryview(rest)[:room])
            rest = memoryview(rest)[room:]
            yield Part(held)
            held, number = [], number + 1
            room = part_bytes(number)
        if rest:
            held.append(rest)
            room -= len(rest)
    if held:
        yield Part(held)


def part_bytes(number: int) -> int:
    """Give the size of a full part, by its number from 0."""
    if number >= MOST_PARTS:
        raise QuotaExceeded(f"an object of more than {MOST_PARTS} parts can't be stored in S3")
    return STEP_BYTES * (1 + number // STEP_PARTS)
