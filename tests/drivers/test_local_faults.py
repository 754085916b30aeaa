"""The local driver on a full disk, on a read-only one, and killed while it writes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from docker_registry.drivers import files
from docker_registry.drivers.base import CHUNK_BYTES
from docker_registry.drivers.local import LocalDriver
from docker_registry.errors import AccessDenied, QuotaExceeded
from tests.tools import small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of its own of 1 MiB."""
    place = tmp_path / "disk"
    with small_disk(place, CHUNK_BYTES):
        yield place


def fails(expected: type[Exception], *attempts: Callable[[], object]) -> None:
    for attempt in attempts:
        with pytest.raises(expected):
            attempt()


def test_a_full_disk_spoils_nothing(disk: Path) -> None:
    driver = LocalDriver(disk)
    driver.put_content("tag", b"old")
    half = driver.append(driver.start_upload("up"), [b"x" * (CHUNK_BYTES // 2)])
    more = driver.append(half, [b"y" * (CHUNK_BYTES // 8)])
    fails(
        QuotaExceeded,
        lambda: driver.put_content("tag", b"n" * CHUNK_BYTES),
        lambda: driver.put_transient("tag", b"n" * CHUNK_BYTES),
        lambda: driver.append(more, (b"z" * 4096 for _ in range(256))),
        lambda: driver.commit(more, "blob"),
    )
    assert driver.get_content("tag") == b"old"
    assert driver.list("") == ["tag", "up"]
    assert list((disk / ".tmp").iterdir()) == []
    # What was appended is still there, and room can be made.
    driver.commit(half, "blob")
    assert driver.stat("blob").size == CHUNK_BYTES // 2
    driver.delete("blob")
    driver.put_content("tag", b"n" * (CHUNK_BYTES // 2))
    assert driver.stat("tag").size == CHUNK_BYTES // 2


def test_a_read_only_disk_can_be_read(disk: Path) -> None:
    driver = LocalDriver(disk)
    driver.put_content("a/b", b"x")
    state = driver.append(driver.start_upload("up"), [b"x"])
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    fails(
        AccessDenied,
        lambda: driver.put_content("a/b", b"y"),
        lambda: driver.touch("a/b"),
        lambda: driver.delete("a/b"),
        lambda: driver.delete("a"),
        lambda: driver.append(state, [b"y"]),
        lambda: driver.commit(state, "blob"),
        driver.check,
    )
    assert LocalDriver(disk).get_content("a/b") == b"x"
    assert driver.list("") == ["a", "up"]


WRITER = """
import sys
from pathlib import Path
from docker_registry.drivers.local import LocalDriver
driver = LocalDriver(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    for letter in (b"a", b"b"):
        driver.put_content("repo/tag/link", letter * 300_000)
        state = driver.append(driver.start_upload("up"), [letter * 100_000, letter * 100_000])
        state = driver.append(state, [letter * 100_000])
        driver.commit(state, "repo/blob/data")
        driver.delete("up")
"""


def test_killed_at_any_instant_old_or_new_is_there(tmp_path: Path) -> None:
    root = tmp_path / "store"
    whole = {letter * 300_000 for letter in (b"a", b"b")}
    driver = LocalDriver(root)
    for path in ("repo/tag/link", "repo/blob/data"):
        driver.put_content(path, b"a" * 300_000)
    chance = random.Random(4)
    for _ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, root], stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0, 0.12))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        for path in ("repo/tag/link", "repo/blob/data"):
            assert driver.get_content(path) in whole
        assert driver.list("repo") == ["blob", "tag"]
        assert set(driver.list("")) <= {"repo", "up"}

    # The temporary files that were left are all swept, a day later.
    yesterday = time.time() - files.SWEEP_AGE - 60
    for entry in (root / ".tmp").iterdir():
        os.utime(entry, (yesterday, yesterday))
    LocalDriver(root)
    assert list((root / ".tmp").iterdir()) == []
