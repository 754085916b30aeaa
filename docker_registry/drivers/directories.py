"""The names in directories, read and sorted once for many pages of them."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from typing import NamedTuple

from docker_registry.drivers.file_errors import storage_errors
from docker_registry.drivers.filesystems import has_our_clock
from docker_registry.errors import PathNotFound

#: How long after a change of a directory another one may leave the same time in it, in seconds:
#: file systems tell times in steps, the coarsest (FAT) of two seconds.
STEP_SECONDS = 2.0
#: What a directory, and each name in it, take in memory besides the bytes of the name.
_ENTRY_BYTES, _NAME_BYTES = 600, 48


class _State(NamedTuple):
    """What is different in a directory after an entry was added, removed or renamed."""

    device: int
    inode: int
    modified: int
    changed: int
    links: int
    size: int

    def was_left_at(self, moment: float) -> bool:
        """Whether it is known that no change came behind a moment, in seconds since the epoch."""
        return self.changed < moment * 1e9 and has_our_clock(self.device)


class _Known(NamedTuple):
    """What is known of a directory.

    :ivar since: when this state was seen first, by the monotonic clock.
    :ivar names: if they were read when no later change could leave the same state.
    """

    state: _State
    since: float
    names: list[bytes] | None
    size: int


class Directories:
    """The sorted names in directories; those of hidden files are left out.

    A directory that didn't change since it was read is not read again, whoever changes it: its
    times tell. They are asked of an open directory, which on NFS means of the server (nfs(5),
    close-to-open), and compared with each other, since the server may have another clock; with ours
    only where it is the same.

    :param budget: how many bytes are kept, about; a directory with more is read each time.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept = 0
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def names(self, directory: str) -> list[bytes]:
        """Give the names, in byte order, for reading only; none of what is no directory."""
        try:
            with storage_errors(directory):
                return self._names(directory, _state(directory))
        except PathNotFound:
            return []

    def _names(self, directory: str, state: _State) -> list[bytes]:
        now, wall = time.monotonic(), time.time()
        with self._lock:
            known = self._known.get(directory)
            if known is None or known.state != state:
                since = now
            elif known.names is None:
                since = known.since
            else:
                self._known.move_to_end(directory)
                return known.names
        # pathlib knows no names that are bytes.
        found = os.listdir(os.fsencode(directory))  # noqa: PTH208
        names = sorted(name for name in found if not name.startswith(b"."))
        size = _ENTRY_BYTES
        if settled := now - since > STEP_SECONDS or state.was_left_at(wall - STEP_SECONDS):
            size += sum(map(len, names)) + len(names) * _NAME_BYTES
        self._keep(directory, _Known(state, since, names if settled else None, size))
        return names

    def _keep(self, directory: str, known: _Known) -> None:
        with self._lock:
            replaced = self._known.pop(directory, None)
            self._kept -= replaced.size if replaced else 0
            if known.size > self._budget:
                return
            self._known[directory] = known
            self._kept += known.size
            while self._kept > self._budget:
                _, forgotten = self._known.popitem(last=False)
                self._kept -= forgotten.size


def _state(directory: str) -> _State:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return _State(
        found.st_dev,
        found.st_ino,
        found.st_mtime_ns,
        found.st_ctime_ns,
        found.st_nlink,
        found.st_size,
    )
