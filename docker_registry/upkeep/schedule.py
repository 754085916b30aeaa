"""When background jobs run: one thread a process, one run a cluster."""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from docker_registry.drivers.base import Driver
from docker_registry.errors import PathNotFound, StorageError
from docker_registry.registry import layout

log = logging.getLogger(__name__)

#: Not the shared generator, whose state workers would inherit from the process that forks them.
_chance = secrets.SystemRandom()


class Job(Protocol):
    """Work that may run at any time, twice at once, and be cut off anywhere."""

    name: str

    def run(self) -> object:
        """Do what is due."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A job and how often it runs.

    :ivar every: seconds from one run's start to the next one's.
    """

    job: Job
    every: float


class Scheduler:
    """Runs jobs in a thread of this process.

    Many processes on many nodes do the same. The storage holds when each job last began, so that
    in the normal case one of them runs it; that two do now and then is what jobs allow.

    :param glance: seconds between two looks at what is due, give or take a half, so that
        processes that were started together don't look together. The first look comes sooner.
    """

    def __init__(self, driver: Driver, rhythms: Sequence[Rhythm], glance: float = 10) -> None:
        self._driver = driver
        self._rhythms = tuple(rhythms)
        self._glance = glance
        self._pid: int | None = None
        self._lock = threading.Lock()

    def ensure_running(self) -> None:
        """Start the thread of this process, if it has none yet.

        To be called with each request: a thread that was started earlier would not survive the
        fork that makes a worker.
        """
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(target=self._loop, name="upkeep", daemon=True).start()

    def run_due(self) -> None:
        """Run each job whose time has come. One that fails is logged, and tried next time."""
        for rhythm in self._rhythms:
            try:
                if self._claim(rhythm):
                    rhythm.job.run()
            except StorageError as error:
                log.warning("the job %s waits for the storage: %s", rhythm.job.name, error)
            except Exception:
                log.exception("the job %s failed", rhythm.job.name)

    def _loop(self) -> None:
        pause = self._glance / 10
        while True:
            time.sleep(pause * _chance.uniform(0.5, 1.5))
            self.run_due()
            pause = self._glance

    def _claim(self, rhythm: Rhythm) -> bool:
        path = layout.last_run(rhythm.job.name)
        now = time.time()
        if now - self._last_start(path) < rhythm.every:
            return False
        self._driver.put_transient(path, json.dumps({"started": now}).encode())
        return True

    def _last_start(self, path: str) -> float:
        try:
            return float(json.loads(self._driver.get_content(path))["started"])
        except (PathNotFound, ValueError, KeyError, TypeError):
            return 0.0
