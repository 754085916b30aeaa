"""What is kept elsewhere and seldom changes: read now and then, not each time it is needed."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

_T = TypeVar("_T")


class Snapshot(Generic[_T]):
    """Something as it was when it was last read. Nothing is read before it is needed.

    Who needs it while another one reads goes on with what there is. What was read once stays in
    use as long as it can't be read again.

    :param what: it is, for the log.
    :param read: gives it; slow, and may fail.
    :param failures: the errors that ``read`` may raise.
    :param seconds: after which it is read again.
    :param pause: seconds between two tries after a failure, and between two calls of ``again`` that
        read.
    """

    def __init__(
        self,
        what: str,
        read: Callable[[], _T],
        failures: type[Exception] | tuple[type[Exception], ...],
        seconds: float,
        pause: float,
    ) -> None:
        self._what = what
        self._read = read
        self._failures = failures
        self._seconds = seconds
        self._pause = pause
        self._held: _T | None = None
        self._failure: Exception | None = None
        self._due = -math.inf
        self._again = -math.inf
        self._reads = 0
        self._lock = threading.Lock()

    def get(self) -> _T:
        """Give it; an error of ``read`` if it could never be read yet."""
        held = self._held
        if time.monotonic() >= self._due:
            return self.renew()
        if held is None:
            raise self._no_value()
        return held

    def again(self) -> _T:
        """Give it as it is now, since what is needed is not in it.

        It is read only if it was not read for this reason a short while ago: who makes us look for
        what isn't there can't make us do so all the time.
        """
        reads = self._reads
        with self._lock:
            now = time.monotonic()
            if reads == self._reads and now >= self._again:
                self._again = now + self._pause
                self._read_it()
            return self._value()

    def renew(self) -> _T:
        """Read it, unless another thread does, and give it."""
        reads = self._reads
        if not self._lock.acquire(blocking=self._held is None):
            # Whoever waits for nothing has something.
            return self._value()
        try:
            if reads == self._reads:
                self._read_it()
            return self._value()
        finally:
            self._lock.release()

    def _read_it(self) -> None:
        try:
            self._held = self._read()
        except self._failures as error:
            self._failure = error
            self._due = time.monotonic() + self._pause
            log.warning("%s can't be read now: %s", self._what, error)
        else:
            self._due = time.monotonic() + self._seconds
        finally:
            self._reads += 1

    def _value(self) -> _T:
        if self._held is None:
            raise self._no_value()
        return self._held

    def _no_value(self) -> Exception:
        assert self._failure is not None
        # The same error for all who ask must not grow with each of them.
        return self._failure.with_traceback(None)
