"""Bringing the changes of files and directories to the disk (fsync(2))."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

from docker_registry.drivers.file_errors import storage_errors
from docker_registry.drivers.filesystems import keeps_order

#: How many growing files of a process go to the disk at a time.
SYNCS_AT_ONCE = 4


class _Changed(NamedTuple):
    """A directory whose last change isn't on the disk yet."""

    path: str
    device: int


class _Block(threading.local):
    """What a thread has in its block.

    :ivar depth: of blocks within blocks; 0 outside.
    :ivar last: the change that brings all before it along.
    """

    depth = 0
    last: _Changed | None = None


class Durability:
    """Makes changes durable, each at once or several at the end of a block.

    :param fsync: whether it does so at all.
    """

    def __init__(self, fsync: bool) -> None:
        self._fsync = fsync
        self._block = _Block()
        # Its threads are made when they are needed, in the process that needs them.
        self._beside = ThreadPoolExecutor(SYNCS_AT_ONCE, "fdatasync")

    @contextmanager
    def in_order(self) -> Iterator[None]:
        """Have changes of directories durable at the end of the block, in the order they are made.

        Where a file system doesn't keep the order, each is durable at once. None needs to be if
        the block fails.
        """
        block = self._block
        block.depth += 1
        try:
            yield
            if block.depth == 1:
                self._catch_up()
        finally:
            block.depth -= 1
            if block.depth == 0:
                block.last = None

    def of_file(self, descriptor: int) -> None:
        """Make the content of an open file durable."""
        if self._fsync:
            os.fsync(descriptor)

    def ahead(self, descriptor: int) -> Future[None] | None:
        """Begin to make what an open file has by now durable, in another thread.

        The file must stay open until that has ended, and its failure counts: the next fsync of the
        file doesn't tell it once more (fsync(2)).
        """
        return self._beside.submit(os.fdatasync, descriptor) if self._fsync else None

    def of_directories(self, changed: Iterable[str]) -> None:
        """Make new entries of directories, one of which is below all others, durable.

        The last entry made is in that one.
        """
        if not self._fsync:
            return
        directories = sorted(changed, key=len, reverse=True)
        if self._block.depth and directories and self._may_wait(directories[0]):
            return
        for directory in directories:
            if keeps_order(_sync(directory)):
                break

    def _may_wait(self, directory: str) -> bool:
        """Take note of a change; ``False`` if it must be made durable before the next one."""
        try:
            device = os.stat(directory).st_dev
        except FileNotFoundError:
            return False
        if self._block.last is not None and self._block.last.device != device:
            self._catch_up()
        if not keeps_order(device):
            return False
        self._block.last = _Changed(directory, device)
        return True

    def _catch_up(self) -> None:
        last, self._block.last = self._block.last, None
        if last is not None:
            with storage_errors(last.path):
                _sync(last.path)


def _sync(directory: str) -> int:
    """Make the entries of a directory durable; give its device."""
    while True:
        try:
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            # Another delete has removed the directory too: what must last is that it is gone.
            directory = os.path.dirname(directory)
            continue
        try:
            os.fsync(descriptor)
            return os.fstat(descriptor).st_dev
        finally:
            os.close(descriptor)
