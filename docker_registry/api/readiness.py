"""Whether the storage can be used, found out once for many askers."""

from __future__ import annotations

import logging
import threading
import time

from docker_registry.drivers.alternate import Chain
from docker_registry.drivers.base import Driver

log = logging.getLogger(__name__)

#: Seconds for which an answer holds, so that asking often doesn't cost the backends much.
HOLDS = 5.0


class Readiness:
    """What was found at the last look, and the time of it."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._lock = threading.Lock()
        self._until = 0.0
        self._found: dict[str, object] = {}

    def find(self) -> dict[str, object]:
        """Give the state of the whole and of each backend, as ``/health/ready`` says it."""
        with self._lock:
            if time.monotonic() > self._until:
                self._found = _look(self._driver)
                self._until = time.monotonic() + HOLDS
            return self._found


def _look(driver: Driver) -> dict[str, object]:
    wrong = driver.examine()
    for name, reason in wrong.items():
        if reason:
            log.warning("storage %s: %s", name, reason)
    if all(wrong.values()):
        status = "unavailable"
    elif any(wrong.values()) or (isinstance(driver, Chain) and not driver.journal.is_empty()):
        status = "degraded"
    else:
        status = "ok"
    storage = {name: "unavailable" if why else "available" for name, why in wrong.items()}
    return {"status": status, "storage": storage}
