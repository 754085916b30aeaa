"""A driver of a chain, and whether it answers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from docker_registry.drivers.base import Driver
from docker_registry.errors import (
    AccessDenied,
    ConfigError,
    QuotaExceeded,
    StorageError,
    Unavailable,
)

log = logging.getLogger(__name__)

#: What makes a chain go on to its next member.
FAILURES = (Unavailable, QuotaExceeded, AccessDenied)

#: Seconds between two looks at a backend that did not answer.
PROBE_EVERY = 2.0

_T = TypeVar("_T")


class SourceLost(Exception):
    """Bytes on their way from one backend to another can't be read: not the other's fault."""


class Member:
    """A driver with a circuit breaker.

    A call that ends in ``Unavailable`` (after the retries of the backend's own client) breaks the
    circuit: from then on calls fail at once, so that a dead backend doesn't cost each request a
    time-out. A thread asks the backend until it answers, and closes the circuit; no request is
    spent on trying.

    :param name: of the driver, as the settings have it.
    :param probe_every: seconds between two looks at a backend that did not answer.
    """

    def __init__(self, name: str, driver: Driver, probe_every: float = PROBE_EVERY) -> None:
        self.name = name
        self.driver = driver
        self._probe_every = probe_every
        self._reason = ""
        self._lock = threading.Lock()

    @property
    def reason(self) -> str:
        """Why the backend counts as unavailable; empty while it answers."""
        return self._reason

    def run(self, call: Callable[[Driver], _T]) -> _T:
        """Make a call, if the circuit is closed; ``Unavailable`` if it is not."""
        if self._reason:
            raise Unavailable(f"{self.name} does not answer: {self._reason}")
        try:
            return call(self.driver)
        except Unavailable as error:
            self._open(str(error))
            raise

    def _open(self, reason: str) -> None:
        with self._lock:
            if self._reason:
                return
            self._reason = reason or "unavailable"
        log.error("storage %s is unavailable, its alternate takes over: %s", self.name, reason)
        threading.Thread(target=self._probe, name=f"probe-{self.name}", daemon=True).start()

    def _probe(self) -> None:
        while True:
            time.sleep(self._probe_every)
            try:
                self.driver.check()
            except QuotaExceeded:
                break
            except (StorageError, ConfigError) as error:
                log.info("storage %s is still unavailable: %s", self.name, error)
            except Exception:
                log.exception("storage %s can't be checked", self.name)
            else:
                break
        self._reason = ""
        log.warning("storage %s is available again", self.name)
