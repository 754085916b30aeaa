"""How streams are cut into parts, and objects put together of others; without a store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.drivers.s3.client import MIB
from docker_registry.drivers.s3.copies import Piece, plan
from docker_registry.drivers.s3.parts import (
    LEAST_PART_BYTES,
    MOST_PARTS,
    STEP_BYTES,
    Part,
    cut,
    part_bytes,
)
from docker_registry.errors import QuotaExceeded

GIB = 1024 * MIB


def test_100_gib_fit_and_429_gib_are_the_end() -> None:
    total = parts = 0
    while total < 100 * GIB:
        total += part_bytes(parts)
        parts += 1
    assert parts < 4700
    assert sum(map(part_bytes, range(MOST_PARTS))) == 440_000 * MIB
    with pytest.raises(QuotaExceeded):
        part_bytes(MOST_PARTS)


@pytest.mark.parametrize("chunk", [64 * 1024, MIB, 3 * MIB, 20 * MIB])
def test_parts_are_the_stream_and_all_full_but_the_last(chunk: int) -> None:
    size = 2 * STEP_BYTES + 12345
    data = bytes(range(251)) * (size // 251) + b"x" * (size % 251)
    parts = list(cut(data[start : start + chunk] for start in range(0, size, chunk)))
    assert [len(part) for part in parts] == [STEP_BYTES, STEP_BYTES, 12345]
    assert b"".join(block for part in parts for block in iter(part.read, b"")) == data


def test_nothing_has_no_part() -> None:
    assert list(cut([])) == []
    assert list(cut([b"", b""])) == []


def test_a_part_can_be_sent_again() -> None:
    part = Part([b"one", memoryview(b"two")])
    first = b"".join(iter(part.read, b""))
    assert part.tell() == len(part) == 6
    assert part.seek(0) == 0
    assert b"".join(iter(part.read, b"")) == first == b"onetwo"
    assert part.seek(0, 2) == 6


SIZES = st.one_of(st.integers(1, 100), st.integers(MIB, 12 * MIB), st.integers(20 * MIB, 200 * GIB))


@given(st.lists(SIZES, max_size=30))
def test_a_plan_is_all_bytes_in_order_in_parts_that_s3_takes(sizes: list[int]) -> None:
    pieces = [Piece(str(index), size) for index, size in enumerate(sizes)]
    groups = plan(pieces)
    covered = [(span.piece.key, at) for group in groups for span in group for at in (span.start,)]
    assert covered == sorted(covered, key=lambda one: (int(one[0]), one[1]))
    for piece in pieces:
        spans = [span for group in groups for span in group if span.piece is piece]
        assert [span.start for span in spans[1:]] == [span.stop for span in spans[:-1]]
        assert (spans[0].start, spans[-1].stop) == (0, piece.size)
    lengths = [sum(span.stop - span.start for span in group) for group in groups]
    assert all(length >= LEAST_PART_BYTES for length in lengths[:-1])
    assert all(length <= 5 * GIB for length in lengths)
    assert len(groups) <= MOST_PARTS


def test_many_small_pieces_become_few_parts() -> None:
    pieces = [Piece(str(index), 6 * MIB) for index in range(30_000)]
    assert len(plan(pieces)) <= MOST_PARTS


def test_what_passes_through_memory_is_little() -> None:
    pieces = [Piece("a", 300 * MIB), Piece("b", 10), Piece("c", 300 * MIB), Piece("d", 7)]
    read = sum(span.stop - span.start for group in plan(pieces) if len(group) > 1 for span in group)
    assert read == LEAST_PART_BYTES
