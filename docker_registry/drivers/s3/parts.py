"""How large the parts of a multipart upload are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from docker_registry.drivers import parts
from docker_registry.drivers.parts import Part
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


def cut(chunks: Iterable[bytes]) -> Iterator[Part]:
    """Give the parts of a stream: all full but the last, which may be small but is not empty."""
    return parts.cut(chunks, map(part_bytes, count()))


def part_bytes(number: int) -> int:
    """Give the size of a full part, by its number from 0."""
    if number >= MOST_PARTS:
        raise QuotaExceeded(f"an object of more than {MOST_PARTS} parts can't be stored in S3")
    return STEP_BYTES * (1 + number // STEP_PARTS)
