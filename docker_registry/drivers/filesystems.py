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
#: Of those, the ones that can be made without a log (mke2fs(8), has_journal).
_PERHAPS_LOGGED = frozenset({"ext3", "ext4"})
#: Those that take the times of files from the clock of this machine.
_HERE = _LOGGED | {"tmpfs"}


@lru_cache(maxsize=64)
def keeps_order(device: int) -> bool:
    """Whether a directory, once it is synced, has brought all changes made before to the disk.

    :param device: ``st_dev`` of the directory.
    """
    kind = _kind(device)
    return kind in _LOGGED and (kind not in _PERHAPS_LOGGED or _has_journal(device))


@lru_cache(maxsize=64)
def has_our_clock(device: int) -> bool:
    """Whether the times of files can be compared with ours.

    :param device: ``st_dev`` of the files.
    """
    return _kind(device) in _HERE


def _kind(device: int) -> str:
    """Give the type of a mounted file system, empty where that isn't told (proc(5))."""
    number = _number(device)
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace")
    except OSError:
        return ""
    for mount in mounts.splitlines():
        place, _, source = mount.partition(" - ")
        if place.split()[2] == number:
            return source.split()[0]
    return ""


def _has_journal(device: int) -> bool:
    """Whether it is told that a mounted ext4 or ext3 has a journal.

    Only of those that have one ext4 tells how data go along with it (Linux's documentation,
    admin-guide/ext4.rst, "data=").
    """
    name = Path(f"/sys/dev/block/{_number(device)}").resolve().name
    try:
        options = Path(f"/proc/fs/ext4/{name}/options").read_text()
    except OSError:
        return False
    return any(option.startswith("data=") for option in options.split())


def _number(device: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}"
