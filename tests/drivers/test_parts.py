"""How a stream is cut into parts, and where they are held."""

from __future__ import annotations

import gc
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from docker_registry.drivers import parts
from docker_registry.drivers.parts import MIB, Part, Room, cut
from docker_registry.errors import Unavailable
from tests.tools import small_disk

DATA = os.urandom(5 * MIB + 123)
SIZES = [2 * MIB] * 3


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Room:
    """Give room for one part and a half, and a directory for files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    room = Room(3 * MIB)
    monkeypatch.setattr(parts, "ROOM", room)
    return room


def stream(size: int = 300_000) -> Iterator[bytes]:
    for offset in range(0, len(DATA), size):
        yield DATA[offset : offset + size]


def read(part: Part) -> bytes:
    found = []
    while chunk := part.read(10):
        found.append(chunk)
    return b"".join(found)


def in_files() -> list[str]:
    """Give the temporary files that this process has open."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        # Another thread may close its file now.
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return [target for target in found if target.startswith(f"{tempfile.gettempdir()}/#")]


@pytest.mark.parametrize("size", [1000, 300_000, 5 * MIB, 10 * MIB])
def test_parts_are_the_stream(room: Room, size: int) -> None:
    found = list(cut(stream(size), SIZES))
    assert [len(part) for part in found] == [2 * MIB, 2 * MIB, MIB + 123]
    assert b"".join(map(read, found)) == DATA
    assert b"".join(chunk for part in found for chunk in part) == DATA
    assert in_files()
    for part in found:
        part.release()
    assert not in_files()
    assert room.take(3 * MIB)


def test_what_has_room_is_in_memory(room: Room) -> None:
    for part in cut(stream(), SIZES):
        assert len(read(part)) == len(part)
        part.release()
    assert room.take(3 * MIB)


def test_a_part_is_sent_again(room: Room) -> None:
    room.take(3 * MIB)
    in_file = next(cut(stream(), SIZES))
    assert in_files()
    for part in (in_file, Part([DATA[:MIB], DATA[MIB : 2 * MIB]])):
        assert part.read() == DATA[: part.tell()]
        assert part.seek(0) == part.tell() == 0
        assert hashlib.md5(read(part)).digest() == hashlib.md5(DATA[: 2 * MIB]).digest()
        assert part.tell() == len(part) == part.seek(0, 2) == 2 * MIB
        assert part.read() == b""


def test_what_is_forgotten_is_given_back(room: Room) -> None:
    coming = cut(stream(), SIZES)
    first = next(coming)
    assert not room.take(2 * MIB)
    with pytest.raises(ZeroDivisionError):
        next(cut((chunk[:1000] or 1 / 0 for chunk in [*stream(), b""]), SIZES))
    del first, coming
    gc.collect()
    assert room.take(3 * MIB)


def test_no_room_anywhere_is_said(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "small", MIB // 2):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "small"))
        with pytest.raises(Unavailable, match=r"TMPDIR, .*/small"):
            list(cut(stream(), SIZES))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(Unavailable, match=r"TMPDIR, .*/none"):
        list(cut(stream(), SIZES))
