"""A driver that can be made to fail as a backend does."""

from __future__ import annotations

from typing import Any

from docker_registry.drivers.local import LocalDriver
from docker_registry.errors import QuotaExceeded, Unavailable

WRITES = {"put_content", "put_transient", "append", "commit", "write", "copy"}
CALLS = WRITES | {
    *("get_content", "reader", "stat", "list", "delete", "upload_content", "abort", "check"),
    *("sweep", "touch"),
}


class SwitchableDriver(LocalDriver):
    """A local store that is down, or full, when told so.

    :ivar down: whether each call raises ``Unavailable``.
    :ivar full: whether each write raises ``QuotaExceeded``.
    :ivar calls: the names of all calls that were made.
    """

    down = False
    full = False

    def __init__(self, root: Any) -> None:
        super().__init__(root)
        self.calls: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in CALLS:
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append(name)
            if self.down:
                raise Unavailable(f"{name}: switched off")
            if self.full and name in WRITES:
                raise QuotaExceeded(f"{name}: switched to full")
            return found(*arguments, **named)

        return call
