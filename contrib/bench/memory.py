"""How much memory a server has at most, with its children."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import psutil

MIB = 1024 * 1024
#: Seconds between two looks.
GLANCE = 1.0


class Memory:
    """The most memory of a process and its children from now on.

    :ivar pid: the process.
    :ivar peak: of all together, in MiB of proportional set size (proc(5), smaps): what processes
        share is counted once.
    :ivar largest: of the process that has most, likewise.
    """

    def __init__(self, pid: int) -> None:
        self.peak = self.largest = 0.0
        self.pid = pid
        self._process = psutil.Process(pid)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        with suppress(psutil.NoSuchProcess):
            while True:
                sizes = [0.0]
                for process in (self._process, *self._process.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess):
                        sizes.append(process.memory_full_info().pss / MIB)
                self.peak = max(self.peak, sum(sizes))
                self.largest = max(self.largest, *sizes)
                time.sleep(GLANCE)
