"""New files of the local driver go to the disk while they grow."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_registry.drivers import new_file
from docker_registry.drivers.local import LocalDriver
from docker_registry.errors import QuotaExceeded

PIECE = b"x" * 1000
AHEAD = 3 * len(PIECE)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_file, "AHEAD_BYTES", AHEAD)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give how large files are each time when they go to the disk."""
    real, found = os.fdatasync, []

    def record(descriptor: int) -> None:
        real(descriptor)
        found.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fdatasync", record)
    return found


def upload(driver: LocalDriver, pieces: int) -> None:
    state = driver.append(driver.start_upload("up"), [PIECE] * pieces)
    driver.commit(state, "blob")
    assert driver.get_content("blob") == PIECE * pieces


def test_a_growing_file_goes_to_the_disk(tmp_path: Path, sizes: list[int]) -> None:
    upload(LocalDriver(tmp_path), 100)
    assert sizes
    assert AHEAD <= sizes[0] <= 100 * len(PIECE)


def test_a_small_one_goes_when_it_is_whole(tmp_path: Path, sizes: list[int]) -> None:
    upload(LocalDriver(tmp_path), 2)
    assert sizes == []


def test_nothing_goes_where_nothing_has_to_be_durable(tmp_path: Path, sizes: list[int]) -> None:
    upload(LocalDriver(tmp_path, fsync=False), 100)
    assert sizes == []


def test_nobody_waits_for_a_disk_while_more_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last_came = threading.Event()

    def wait(descriptor: int) -> None:
        assert last_came.wait(20)

    monkeypatch.setattr(os, "fdatasync", wait)

    def pieces() -> Iterator[bytes]:
        yield from [PIECE] * 100
        last_came.set()

    driver = LocalDriver(tmp_path)
    state = driver.append(driver.start_upload("up"), pieces())
    assert state["size"] == 100 * len(PIECE)


@pytest.mark.parametrize("pieces", [3, 100])
def test_what_the_disk_does_not_take_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdatasync", fail)
    driver = LocalDriver(tmp_path)
    with pytest.raises(QuotaExceeded):
        driver.append(driver.start_upload("up"), [PIECE] * pieces)
    with pytest.raises(QuotaExceeded):
        driver.write("up", [PIECE] * pieces, "blob")
    assert driver.list("") == []
    assert list((tmp_path / ".tmp").iterdir()) == []
