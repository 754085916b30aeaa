"""What crashes left behind in a backend, where no path leads to it, is removed."""

from __future__ import annotations

import logging
import time

from docker_registry.drivers.base import Driver

log = logging.getLogger(__name__)


class Sweep:
    """Has a driver sweep up.

    :param age: seconds after which what nothing refers to counts as left behind.
    """

    name = "sweep-storage"

    def __init__(self, driver: Driver, age: float) -> None:
        self._driver = driver
        self._age = age

    def run(self) -> int:
        """Sweep, and give how much was removed."""
        swept = self._driver.sweep(time.time() - self._age)
        if swept:
            log.info("removed %s unfinished objects from the storage", swept)
        return swept
