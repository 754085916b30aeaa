"""What is known of the file systems that are mounted here."""

from __future__ import annotations

import os
import subprocess
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


def test_a_disk_with_a_log(tmp_path: Path) -> None:
    if kind(tmp_path) not in ("ext2/ext3", "xfs"):
        pytest.skip(f"{tmp_path} is on {kind(tmp_path)}, which is neither ext4 nor XFS")
    assert keeps_order(tmp_path.stat().st_dev)
    assert has_our_clock(tmp_path.stat().st_dev)
