import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.api.ranges import ByteRange, parse_range
from docker_registry.errors import RangeInvalid

SIZES = st.integers(0, 50)
POSITIONS = st.integers(0, 60)


@given(SIZES, POSITIONS, POSITIONS)
def test_first_and_last(size, first, last):
    data = bytes(size)
    expected = len(data[first : last + 1])
    if not expected:
        with pytest.raises(RangeInvalid):
            parse_range(f"bytes={first}-{last}", size)
    else:
        assert parse_range(f"bytes={first}-{last}", size) == ByteRange(first, expected)


@given(SIZES, POSITIONS)
def test_suffix(size, length):
    if not size or not length:
        with pytest.raises(RangeInvalid):
            parse_range(f"bytes=-{length}", size)
    else:
        part = parse_range(f"bytes=-{length}", size)
        assert part == ByteRange(max(size - length, 0), min(size, length))


@given(SIZES, st.text())
def test_any_text_is_answered(size, text):
    for header in (text, f"bytes={text}"):
        try:
            part = parse_range(header, size)
        except RangeInvalid:
            continue
        assert part is None or 0 <= part.offset < part.offset + part.length <= size


def test_no_header():
    assert parse_range(None, 10) is None


def test_content_range():
    assert ByteRange(2, 3).content_range(10) == "bytes 2-4/10"
