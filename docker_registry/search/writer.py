"""Changes of an index, made behind the requests that cause them.

The storage is changed already when an index is told, and the client waits for its answer. The
index is given a moment to follow, so that a search right behind a push finds it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from docker_registry.search.base import IndexUnavailable

#: How long a request waits for the index, in seconds.
PATIENCE = 1.0
#: How long requests don't wait at all after one has waited in vain, in seconds.
PAUSE = 5.0
#: Changes that may wait in one process.
QUEUE = 1000


class Full(Exception):
    """Too many changes wait already: this one is not made."""


class Writer:
    """A thread, in each process that needs it, that makes changes one after another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._pid = 0
        self._waiting = 0
        self._pause_until = 0.0

    def make(self, change: Callable[..., None], *what: object) -> None:
        """Make a change, and wait a moment until it is made.

        :raises TimeoutError: it takes longer; it will be made all the same.
        :raises Full: it won't.

        What the change itself raises in that moment is raised here, too.
        """
        future = self._submit(change, *what)
        patience = PATIENCE if time.monotonic() >= self._pause_until else 0
        try:
            future.result(patience)
        except (IndexUnavailable, TimeoutError):
            if patience:
                # Who did not wait learnt nothing: counted, steady pushes would never end the pause.
                self._pause_until = time.monotonic() + PAUSE
            raise

    def _submit(self, change: Callable[..., None], *what: object) -> Future[None]:
        with self._lock:
            if self._pid != os.getpid():
                # A thread does not survive the fork that makes a worker.
                self._pid, self._waiting = os.getpid(), 0
                self._thread = ThreadPoolExecutor(1, "search-index")
            if self._waiting >= QUEUE:
                raise Full(f"{QUEUE} changes of the search index wait already")
            self._waiting += 1
        assert self._thread is not None
        future = self._thread.submit(change, *what)
        future.add_done_callback(self._done)
        return future

    def _done(self, _future: Future[None]) -> None:
        with self._lock:
            self._waiting -= 1
