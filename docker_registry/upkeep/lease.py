"""One of many processes at a time, by an object in the storage."""

from __future__ import annotations

import json
import secrets
import time

from docker_registry.drivers.base import Driver
from docker_registry.errors import PathNotFound
from docker_registry.registry import layout


class Lease:
    """A right that one process has at a time, and loses if it stops renewing it.

    It needs a storage where a read sees the last write, and clocks that agree to a few seconds.

    :param name: of what is leased.
    :param seconds: for which it holds without being renewed.
    :param settle: seconds in which a write that was begun is done: of several processes that ask
        at once, the one that wrote last has it.
    """

    def __init__(self, driver: Driver, name: str, seconds: float = 60, settle: float = 0.5) -> None:
        self._driver = driver
        self._path = layout.lease(name)
        self._seconds = seconds
        self._settle = settle
        self._holder = secrets.token_hex(8)
        self._renewed = 0.0

    def acquire(self) -> bool:
        """Take it; ``False`` if another process has it."""
        holder, until = self._read()
        if holder != self._holder and until > time.time():
            return False
        self._write()
        time.sleep(self._settle)
        return self._read()[0] == self._holder

    def renew(self) -> None:
        """Keep it for its time from now on. Cheap to call often."""
        if time.monotonic() - self._renewed > self._seconds / 6:
            self._write()

    def release(self) -> None:
        """Let others have it."""
        try:
            self._driver.delete(self._path)
        except PathNotFound:
            return

    def _write(self) -> None:
        record = {"holder": self._holder, "until": time.time() + self._seconds}
        self._driver.put_content(self._path, json.dumps(record).encode())
        self._renewed = time.monotonic()

    def _read(self) -> tuple[str, float]:
        try:
            record = json.loads(self._driver.get_content(self._path))
            return str(record["holder"]), float(record["until"])
        except (PathNotFound, ValueError, KeyError, TypeError):
            return "", 0.0
