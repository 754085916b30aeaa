"""The ``Range`` request header, by RFC 9110, section 14."""

from __future__ import annotations

import re
from dataclasses import dataclass

from docker_registry.errors import RangeInvalid

# More digits than any size has: longer numbers are not read (and int() would refuse 4,300).
_SPEC = re.compile(r"(\d{0,19})-(\d{0,19})")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A part of an object that exists.

    :ivar offset: first byte.
    :ivar length: number of bytes, at least 1.
    """

    offset: int
    length: int

    def content_range(self, size: int) -> str:
        """Give the ``Content-Range`` header for an object of ``size`` bytes."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size}"


def peek_range(header: str | None) -> tuple[int, int | None] | None:
    """Give offset and length (``None``: to the end) of a range that doesn't depend on the size.

    ``None`` if it does, or is not one that ``parse_range`` will give.
    """
    unit, _, ranges = (header or "").partition("=")
    match = _SPEC.fullmatch(ranges.strip())
    if unit.strip().lower() != "bytes" or match is None or not match[1]:
        return None
    first = int(match[1])
    return first, max(int(match[2]) + 1 - first, 0) if match[2] else None


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """Read a ``Range`` header for an object of ``size`` bytes.

    ``None`` means that the whole object is the answer: there is no header, its unit is not
    ``bytes``, it can't be read, or it asks for several ranges (which a server may ignore,
    section 14.2).

    :raises RangeInvalid: no byte of the object is in the range. So is a last position before the
        first one: section 14.1.1 calls it invalid, which would allow to ignore it, but the
        conformance suite of the OCI distribution specification wants it refused.
    """
    unit, _, ranges = (header or "").partition("=")
    match = _SPEC.fullmatch(ranges.strip())
    if unit.strip().lower() != "bytes" or match is None or match.group() == "-":
        return None
    first, last = match.groups()
    if not first:
        offset, end = max(size - int(last), 0), size
    else:
        offset, end = int(first), min(int(last) + 1, size) if last else size
    if offset >= end:
        raise RangeInvalid(
            f"no byte of the object, which has {size}, is in the range",
            {"range": ranges[:64], "size": size},
        )
    return ByteRange(offset, end - offset)
