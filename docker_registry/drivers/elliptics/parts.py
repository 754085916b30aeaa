"""Bytes of objects that are too large for their directory: written once, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docker_registry.drivers.elliptics.entries import CHUNK, Part
from docker_registry.drivers.elliptics.replicas import Replicas


class Parts:
    """The parts of a store."""

    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas

    def write(self, id_: str, chunks: Iterable[bytes]) -> Part:
        """Store bytes as a new part, some chunks at once. What ``chunks`` raises passes through."""
        part = Part(id_, 0)
        size = 0

        def pieces() -> Iterator[tuple[str, bytes]]:
            nonlocal size
            for number, data in enumerate(_regular(chunks)):
                size += len(data)
                yield part.key(number), data

        self._replicas.write_many(pieces())
        return Part(id_, size)

    def read(self, parts: Iterable[Part], offset: int, length: int) -> Iterator[bytes]:
        """Give ``length`` bytes from ``offset`` of parts that lie one behind another."""
        return self._replicas.read_many(_cut(parts, offset, length))

    def delete(self, parts: Iterable[Part]) -> None:
        """Remove parts whose size is known."""
        for part in parts:
            self._replicas.delete_many(part.keys())

    def delete_unknown(self, id_: str) -> int:
        """Remove a part that a crash cut off somewhere, and tell how many chunks there were."""
        part = Part(id_, 0)
        count = number = 0
        while True:
            # Writers leave no gap as long as this.
            found = self._replicas.delete_many([part.key(number + n) for n in range(16)])
            if not found:
                return count
            count += found
            number += 16


def _regular(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Give the same bytes in pieces of ``CHUNK``, the last one shorter."""
    waiting = bytearray()
    for chunk in chunks:
        if len(chunk) == CHUNK and not waiting:
            yield chunk
            continue
        view = memoryview(chunk)
        while view:
            taken = view[: CHUNK - len(waiting)]
            waiting += taken
            view = view[len(taken) :]
            if len(waiting) == CHUNK:
                full, waiting = waiting, bytearray()
                yield bytes(full)
    if waiting:
        yield bytes(waiting)


def _cut(parts: Iterable[Part], offset: int, length: int) -> list[tuple[str, int, int]]:
    """Give key, offset and size of what lies between two places."""
    pieces: list[tuple[str, int, int]] = []
    place = 0
    for part in parts:
        first = max(offset - place, 0) // CHUNK
        for number in range(first, -(-part.size // CHUNK)):
            start = place + number * CHUNK
            end = min(start + CHUNK, place + part.size)
            low, high = max(start, offset), min(end, offset + length)
            if start >= offset + length:
                return pieces
            if low < high:
                pieces.append((part.key(number), low - start, high - low))
        place += part.size
    return pieces
