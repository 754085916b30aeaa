"""Names in directories are read once for many pages, and never stale."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from docker_registry.drivers import directories
from docker_registry.drivers.directories import Directories

MIB = 1024 * 1024
#: More than any step of the clock of a Linux file system.
STEP_SECONDS = 0.02


@pytest.fixture
def _soon_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "STEP_SECONDS", STEP_SECONDS)


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).mkdir()


def read_until_kept(known: Directories, root: Path) -> list[bytes]:
    known.names(str(root))
    time.sleep(2 * STEP_SECONDS)
    names = known.names(str(root))
    assert known.names(str(root)) is names
    return names


def test_sorted_and_without_hidden_ones(tmp_path):
    make(tmp_path, "b", "a", "B", ".c", "é")
    (tmp_path / "file").touch()
    names = Directories(MIB).names(str(tmp_path))
    assert names == [b"B", b"a", b"b", b"file", "é".encode()]


def test_what_is_no_directory_has_none(tmp_path):
    (tmp_path / "file").touch()
    known = Directories(MIB)
    assert known.names(str(tmp_path / "file")) == []
    assert known.names(str(tmp_path / "missing")) == []


def test_a_link_to_a_directory_is_followed(tmp_path):
    make(tmp_path, "there")
    make(tmp_path / "there", "a")
    (tmp_path / "here").symlink_to(tmp_path / "there")
    assert Directories(MIB).names(str(tmp_path / "here")) == [b"a"]


def test_shortly_after_a_change_nothing_is_kept(tmp_path):
    make(tmp_path, "a")
    known = Directories(MIB)
    # All within one step of the clock, perhaps: the times need not tell one from the other.
    for number in range(200):
        make(tmp_path, f"new-{number}")
        assert len(known.names(str(tmp_path))) == number + 2


@pytest.mark.usefixtures("_soon_settled")
def test_an_unchanged_directory_is_not_read_again(tmp_path):
    make(tmp_path, "a", "b")
    assert read_until_kept(Directories(MIB), tmp_path) == [b"a", b"b"]


@pytest.mark.usefixtures("_soon_settled")
def test_what_changed_long_ago_is_kept_at_first_sight_where_the_clock_is_ours(
    tmp_path, monkeypatch
):
    make(tmp_path, "a")
    time.sleep(2 * STEP_SECONDS)
    for ours in (True, False):
        monkeypatch.setattr(directories, "has_our_clock", lambda device, ours=ours: ours)
        known = Directories(MIB)
        assert (known.names(str(tmp_path)) is known.names(str(tmp_path))) is ours


@pytest.mark.usefixtures("_soon_settled")
def test_a_time_to_come_tells_nothing(tmp_path):
    make(tmp_path, "a")
    os.utime(tmp_path, (time.time() + 60, time.time() + 60))
    known = Directories(MIB)
    assert known.names(str(tmp_path)) is not known.names(str(tmp_path))


@pytest.mark.usefixtures("_soon_settled")
@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda root: make(root, "c"), [b"a", b"b", b"c"]),
        (lambda root: (root / "c").touch(), [b"a", b"b", b"c"]),
        (lambda root: (root / "b").rmdir(), [b"a"]),
        (lambda root: (root / "b").rename(root / "d"), [b"a", b"d"]),
    ],
    ids=["a directory", "a file", "removed", "renamed"],
)
def test_a_change_is_seen_at_once(tmp_path, change, names):
    make(tmp_path, "a", "b")
    known = Directories(MIB)
    read_until_kept(known, tmp_path)
    change(tmp_path)
    assert known.names(str(tmp_path)) == names
    assert read_until_kept(known, tmp_path) == names


@pytest.mark.usefixtures("_soon_settled")
def test_another_directory_in_its_place(tmp_path):
    make(tmp_path, "one", "two")
    make(tmp_path / "one", "a")
    make(tmp_path / "two", "b")
    known = Directories(MIB)
    read_until_kept(known, tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "away")
    (tmp_path / "two").rename(tmp_path / "one")
    assert known.names(str(tmp_path / "one")) == [b"b"]


@pytest.mark.usefixtures("_soon_settled")
def test_no_more_is_kept_than_the_budget(tmp_path):
    make(tmp_path, "small", "large")
    make(tmp_path / "small", "a")
    make(tmp_path / "large", *(f"{number:050}" for number in range(100)))
    known = Directories(5000)
    small = read_until_kept(known, tmp_path / "small")
    for _ in range(3):
        assert len(known.names(str(tmp_path / "large"))) == 100
    assert known.names(str(tmp_path / "large")) is not known.names(str(tmp_path / "large"))
    # What is too large takes nobody's place.
    assert known.names(str(tmp_path / "small")) is small


@pytest.mark.usefixtures("_soon_settled")
def test_what_was_not_asked_for_longest_makes_room(tmp_path):
    places = [tmp_path / name for name in ("a", "b", "c")]
    make(tmp_path, "a", "b", "c")
    for place in places:
        make(place, *(f"{number:050}" for number in range(10)))
    known = Directories(3500)
    first, second = (read_until_kept(known, place) for place in places[:2])
    assert known.names(str(places[0])) is first
    read_until_kept(known, places[2])
    assert known.names(str(places[0])) is first
    assert known.names(str(places[1])) is not second
