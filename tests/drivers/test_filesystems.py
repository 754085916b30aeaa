"""What is known of the file systems that are mounted here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_registry.drivers.filesystems import has_our_clock, keeps_order


def kind(path: Path) -> str:
    found = ["stat", "--file-system", "--format=%T", path]
    return subprocess.run(found, capture_output=True, text=True, check=True).stdout.strip()


def test_memory_has_our_clock_and_no_log() -> None:
    device = Path("/dev/shm").stat().st_dev
    assert kind(Path("/dev/shm")) == "tmpfs"
    assert has_our_clock(device)
    assert not keeps_order(device)


def test_of_others_nothing_is_promised() -> None:
    device = Path("/proc").stat().st_dev
    assert not keeps_order(device)
    assert not has_our_clock(device)


def test_a_device_that_is_not_mounted_promises_nothing() -> None:
    assert not keeps_order(os.makedev(4000, 1))


@pytest.fixture(params=["has_journal", "^has_journal"], ids=["journal", "no journal"])
def ext4(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, bool]]:
    """Give the root of an ext4, and whether it has a journal."""
    image, root = tmp_path / "image", tmp_path / "mounted"
    root.mkdir()
    with image.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    made = ["mkfs.ext4", "-q", "-O", request.param, image]
    subprocess.run(made, check=True, capture_output=True)
    mount = ["mount", "-o", "loop", image, root]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mounting an image needs root and /dev/loop-control: {mounted.stderr}")
    yield root, request.param == "has_journal"
    subprocess.run(["umount", root], check=True)


def test_ext4_keeps_order_where_it_has_a_journal(ext4: tuple[Path, bool]) -> None:
    root, has_journal = ext4
    device = root.stat().st_dev
    # What was another file system a moment ago may have the same number.
    keeps_order.cache_clear()
    assert keeps_order(device) is has_journal
    assert has_our_clock(device)
