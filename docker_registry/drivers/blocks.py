"""Cutting a stream into the blocks that a backend takes, and storing several at a time."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def cut(chunks: Iterable[bytes], sizes: Iterable[int]) -> Iterator[bytes]:
    """Give the bytes of all chunks as blocks of these sizes; only the last may be smaller.

    :param sizes: in bytes; as many as there can be blocks.
    """
    coming = iter(sizes)
    size, block = next(coming), io.BytesIO()
    for chunk in chunks:
        rest = memoryview(chunk)
        while len(rest) >= size - block.tell():
            here = size - block.tell()
            block.write(rest[:here])
            rest = rest[here:]
            yield block.getvalue()
            size, block = next(coming), io.BytesIO()
        block.write(rest)
    if block.tell():
        yield block.getvalue()


def in_parallel(store: Callable[[Item], None], items: Iterable[Item], width: int) -> None:
    """Call ``store`` with each item, ``width`` calls at a time, and raise what the first raises.

    No more than ``width`` items are held beside the one that is being made.
    """
    with ThreadPoolExecutor(width) as pool:
        running: deque[Future[None]] = deque()
        for item in items:
            running.append(pool.submit(store, item))
            if len(running) >= width:
                running.popleft().result()
        for future in running:
            future.result()
