"""Keys and values of one replica group: each call waits for its answer."""

from __future__ import annotations

import time

from docker_registry.drivers.elliptics.client import protocol, requests
from docker_registry.drivers.elliptics.client.cluster import Cluster
from docker_registry.drivers.elliptics.client.exchange import Exchange
from docker_registry.drivers.elliptics.client.nodes import FileInfo
from docker_registry.drivers.elliptics.client.protocol import IoAttributes
from docker_registry.drivers.elliptics.client.requests import Request


class Session:
    """A group of a cluster, under a namespace.

    Every method may raise the errors of ``errors``: ``NotFound`` for a key that is not there.

    :param namespace: put before keys; nothing else of it is known to a server.
    """

    def __init__(self, cluster: Cluster, group: int, namespace: str = "") -> None:
        self._cluster = cluster
        self._group = group
        self._namespace = namespace.encode()

    def read(self, key: str, offset: int = 0, size: int = 0) -> bytes:
        """Give ``size`` bytes (0: all) from ``offset``."""
        return read_data(self._ask(requests.read(self._group, self._id(key), offset, size)))[1]

    def write(self, key: str, data: bytes) -> FileInfo:
        """Store data, which must not be empty. A reader may see old and new bytes mixed."""
        request = requests.write(self._group, self._id(key), data, now())
        return FileInfo.unpack(self._ask(request))

    def lookup(self, key: str) -> FileInfo:
        """Give size and time of an object."""
        return FileInfo.unpack(self._ask(requests.lookup(self._group, self._id(key))))

    def compare_and_swap(self, key: str, expected: bytes | None, data: bytes) -> FileInfo:
        """Replace ``expected`` (``None``: nothing) by ``data``, or raise ``Mismatch``."""
        known = requests.NOTHING if expected is None else protocol.checksum(expected)
        request = requests.compare_and_swap(self._group, self._id(key), known, data, now())
        return FileInfo.unpack(self._ask(request))

    def delete(self, key: str) -> None:
        """Remove an object. The group remembers nothing of it."""
        self._ask(requests.delete(self._group, self._id(key)))

    def _id(self, key: str) -> bytes:
        return protocol.key_id(key.encode(), self._namespace)

    def _ask(self, request: Request) -> bytearray:
        with Exchange(self._cluster) as exchange:
            return exchange.answer(exchange.submit(request))


def read_data(payload: bytearray) -> tuple[IoAttributes, bytes]:
    """Split the answer to READ into attributes and data; ``ProtocolError`` if it can't be."""
    attributes = IoAttributes.unpack(payload)
    return attributes, bytes(memoryview(payload)[IoAttributes.BYTES :])


def now() -> tuple[int, int]:
    """Give the time as Elliptics stores it."""
    return divmod(time.time_ns(), 1_000_000_000)
