"""What some file systems of Linux promise beyond POSIX, told by the device that a file is on."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

#: Those that write the changes of all directories to one log, in the order in which they were made,
#: so that one that is on the disk has brought those before it (Linux's documentation,
#: filesystems/ext4/journal.rst and filesystems/xfs/xfs-delayed-logging-design.rst). Btrfs isn't
#: among them, since its files tell other devices than its mounts.
_LOGGED = frozenset({"ext3", "ext4", "xfs"})
#: Those that take the times of files from the clock of this machine.
_HERE = _LOGGED | {"tmpfs"}


def keeps_order(device: int) -> bool:
    """Whether a directory, once it is synced, has brought all changes made before to the disk.

    :param device: ``st_dev`` of the directory.
    """
    return _kind(device) in _LOGGED


def has_our_clock(device: int) -> bool:
    """Whether the times of files can be compared with ours.

    :param device: ``st_dev`` of the files.
    """
    return _kind(device) in _HERE


@lru_cache(maxsize=64)
def _kind(device: int) -> str:
    """Give the type of a mounted file system, empty where that isn't told (proc(5))."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace")
    except OSError:
        return ""
    for mount in mounts.splitlines():
        place, _, source = mount.partition(" - ")
        if place.split()[2] == number:
            return source.split()[0]
    return ""
