"""One of many processes at a time, by an object in the storage."""

from __future__ import annotations

import json
import secrets
import time
from typing import NamedTuple

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
        held = self._read()
        if held is None:
            if not self._driver.create(self._path, self._record()):
                return False
        elif held.holder != self._holder and held.until > time.time():
            return False
        else:
            self._write()
        time.sleep(self._settle)
        held = self._read()
        return held is not None and held.holder == self._holder

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
        self._driver.put_content(self._path, self._record())

    def _record(self) -> bytes:
        self._renewed = time.monotonic()
        return json.dumps({"holder": self._holder, "until": time.time() + self._seconds}).encode()

    def _read(self) -> _Held | None:
        try:
            record = json.loads(self._driver.get_content(self._path))
            return _Held(str(record["holder"]), float(record["until"]))
        except PathNotFound:
            return None
        except (ValueError, KeyError, TypeError):
            return _Held("", 0.0)


class _Held(NamedTuple):
    """Who has a lease, and until when, in seconds since the epoch."""

    holder: str
    until: float
