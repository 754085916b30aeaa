"""Not to wait for somebody who doesn't answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock


class Silent(Exception):
    """Who was asked a short while ago did not answer in time."""


class Circuit:
    """Calls of somebody who may be silent. Safe to use from many threads.

    Each call to a silent one holds a thread until its time is over, and those are needed by the
    requests of others. So after one such call there are none for a while, and then one to try.

    :param silence: seconds for which there are none.
    :param patience: seconds after which a call is given up.
    :param failure: the exception that says so.
    :param clock: gives a time in seconds that never goes back.
    """

    def __init__(
        self,
        silence: float,
        patience: float,
        failure: type[Exception],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._silence = silence
        self._patience = patience
        self._failure = failure
        self._clock = clock
        self._lock = Lock()
        self._until: float | None = None

    @contextmanager
    def call(self) -> Iterator[None]:
        """Make a call in the block; raise ``Silent`` instead if this is not the time."""
        self._enter()
        try:
            yield
        except self._failure:
            self._until = self._clock() + self._silence
            raise
        except Exception:
            # It answered, whatever it said.
            self._until = None
            raise
        self._until = None

    def _enter(self) -> None:
        with self._lock:
            if self._until is None:
                return
            now = self._clock()
            if now < self._until:
                raise Silent
            # This one tries. The others wait for how that ends.
            self._until = now + self._patience + self._silence
