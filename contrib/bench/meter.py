"""A relay before a store that counts the bytes which go there and come back."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from threading import Lock

from tests.relay import Relay, join


class Counted(socket.socket):
    """A connection whose received bytes count."""

    def __init__(self, connection: socket.socket, count: Callable[[int], None]) -> None:
        super().__init__(fileno=connection.detach())
        self._count = count

    def recv(self, *arguments: int) -> bytes:
        data = super().recv(*arguments)
        self._count(len(data))
        return data


class Meter(Relay):
    """Passes on to the store, and counts bytes by direction."""

    def __init__(self, host: str, port: int) -> None:
        self.bytes: Counter[str] = Counter()
        self._lock, self._store = Lock(), (host, port)
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        store = socket.create_connection(self._store)
        with Counted(store, self._adder("from")) as near:
            join(Counted(client, self._adder("to")), near)

    def _adder(self, way: str) -> Callable[[int], None]:
        def add(size: int) -> None:
            with self._lock:
                self.bytes[way] += size

        return add
