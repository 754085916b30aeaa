"""An Elliptics server in memory: the classic commands of 3.0.0.1, and faults on demand.

Alone, for clients to try themselves on::

    python -m tests.elliptics.server --port 1025 --groups 1,2

In a test, with faults::

    with Cluster({1: [1], 2: [2, 3]}) as cluster:   # node 1 has group 1, node 2 has groups 2 and 3
        cluster.nodes[1].faults.append(...)
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Self

from docker_registry.drivers.elliptics.client import protocol
from docker_registry.drivers.elliptics.client.errors import ProtocolError
from docker_registry.drivers.elliptics.client.nodes import (
    Address,
    Backend,
    FileInfo,
    Handshake,
    pack_routes,
)
from docker_registry.drivers.elliptics.client.protocol import Header, IoAttributes
from tests.elliptics.store import PIECE, Group, Record, Refused

#: What is asked before each request is served: an error status, ``None`` to go on, or it raises
#: ``Drop``. It may also sleep.
Fault = Callable[[Header], int | None]


class Drop(Exception):
    """Close the connection instead of answering."""


class Node:
    """One node: it listens, serves its own groups, and forwards requests for those of others.

    :param version: of Elliptics, that clients must name in its first two numbers.
    :param announced: the address it says it has; by default the one it listens at.
    :param ring: where the parts of its back ends begin, by group.
    """

    def __init__(
        self,
        groups: Iterable[Group],
        port: int = 0,
        version: tuple[int, int, int, int] = (3, 0, 0, 1),
        announced: Address | None = None,
        ring: Mapping[int, bytes] | None = None,
    ) -> None:
        self.groups = list(groups)
        self.version = version
        self.peers: list[Node] = []
        self.faults: list[Fault] = []
        self.served: list[Header] = []
        self.running = False
        self._port = port
        self._announced = announced
        self._ring = ring or {}
        self._connections: set[socket.socket] = set()
        self._listener: socket.socket | None = None

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self._port)

    @property
    def announced(self) -> Address:
        return self._announced or self.address

    def start(self) -> None:
        """Listen; after a stop at the same port again."""
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=256)
        self._port = self._listener.getsockname()[1]
        self.running = True
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Break all connections and refuse new ones. What is stored stays."""
        self.running = False
        if self._listener is not None:
            # A thread that waits in accept would keep the port.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in list(self._connections):
            _shut(connection)

    def group(self, number: int) -> Group:
        """Find a group here or, as the node forwards, on a peer."""
        for node in (self, *self.peers):
            for group in node.groups:
                if group.number == number and not group.disabled and node.running:
                    return group
        raise Refused(errno.EOPNOTSUPP)

    def handshake(self) -> Handshake:
        """Say what is here."""
        backends = tuple(
            Backend(group.backend, group.number, group.disabled, (self._ring_id(group.number),))
            for group in self.groups
        )
        return Handshake((self.announced,), backends)

    def _ring_id(self, group: int) -> bytes:
        return (
            self._ring.get(group) or hashlib.sha512(f"{self.announced} {group}".encode()).digest()
        )

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        service = Service(self, connection)
        try:
            while self.running and service.serve_one():
                pass
        except (OSError, Drop):
            pass
        finally:
            self._connections.discard(connection)
            connection.close()


class Service:
    """What a node does on one connection."""

    def __init__(self, node: Node, connection: socket.socket) -> None:
        self._node = node
        self._connection = connection

    def serve_one(self) -> bool:
        """Read a request and answer it; tell whether the connection goes on."""
        raw = self._read(Header.BYTES)
        if raw is None:
            return False
        header = Header.unpack(raw)
        payload = self._read(header.size)
        if payload is None:
            return False
        self._node.served.append(header)
        if header.command == protocol.REVERSE_LOOKUP:
            return self._shake_hands(header)
        try:
            for fault in list(self._node.faults):
                status = fault(header)
                if status:
                    raise Refused(-status)
            self._answer(header, memoryview(payload))
        except Refused as error:
            self._reply(header, status=error.status)
        except ProtocolError:
            self._reply(header, status=-errno.EINVAL)
        return True

    def _answer(self, header: Header, payload: memoryview) -> None:
        match header.command:
            case protocol.ROUTE_LIST:
                nodes = (self._node, *self._node.peers)
                self._reply(header, pack_routes(tuple(node.announced for node in nodes)))
            case protocol.LOOKUP:
                self._lookup(header)
            case protocol.READ:
                self._read_record(header, IoAttributes.unpack(payload))
            case protocol.BULK_READ:
                self._read_many(header, payload)
            case protocol.WRITE:
                self._write(header, payload)
            case protocol.DELETE:
                self._node.group(header.group).delete(IoAttributes.unpack(payload).id)
                self._reply(header)
            case _:
                raise Refused(errno.EOPNOTSUPP)

    def _shake_hands(self, header: Header) -> bool:
        version = struct.unpack_from("<4i", header.id)
        if version[:2] != self._node.version[:2]:
            return False
        id_ = struct.pack("<4i", *self._node.version).ljust(64, b"\0")
        first = self._node.groups[0].number
        payload = self._node.handshake().pack()
        flags = protocol.REPLY | protocol.NOLOCK
        reply = Header(id_, first, header.command, flags, header.transaction, len(payload))
        self._connection.sendall(reply.pack() + payload)
        return True

    def _lookup(self, header: Header) -> None:
        group = self._node.group(header.group)
        record = group.find(header.id)
        digest = protocol.NO_ID
        if header.flags & protocol.CHECKSUM:
            if record.corrupted:
                raise Refused(errno.EILSEQ)
            digest = protocol.checksum(bytes(record.data()))
        self._reply(header, self._info(group, record, record.size, digest))

    def _write(self, header: Header, payload: memoryview) -> None:
        attributes = IoAttributes.unpack(payload)
        data = payload[IoAttributes.BYTES :]
        if len(data) != attributes.size:
            raise Refused(errno.EINVAL)
        group = self._node.group(header.group)
        record = group.write(attributes, data)
        if attributes.flags & protocol.IO_WRITE_NO_FILE_INFO:
            self._reply(header)
        else:
            self._reply(header, self._info(group, record, record.written))

    def _read_many(self, header: Header, payload: memoryview) -> None:
        wanted = payload[IoAttributes.BYTES :]
        for start in range(0, len(wanted), IoAttributes.BYTES):
            attributes = IoAttributes.unpack(wanted[start:])
            try:
                self._read_record(header, attributes, protocol.MORE)
            except Refused as error:
                self._reply(header, status=error.status, command=protocol.READ, flags=protocol.MORE)
        self._reply(header)

    def _read_record(self, header: Header, attributes: IoAttributes, flags: int = 0) -> None:
        record, data = self._node.group(header.group).read(attributes)
        parent = attributes.id
        if attributes.flags & protocol.IO_CHECKSUM:
            parent = protocol.checksum(bytes(data))
        found = IoAttributes(
            attributes.id,
            parent,
            timestamp=record.timestamp,
            user_flags=record.user_flags,
            total_size=record.size,
            record_flags=record.flags,
            flags=attributes.flags,
            offset=attributes.offset,
            size=len(data),
        ).pack()
        self._begin_reply(header, len(found) + len(data), attributes.id, protocol.READ, flags)
        self._connection.sendall(found)
        # Piece by piece from where it lies: a write in between shows, as it does in Elliptics.
        for start in range(0, len(data), PIECE):
            self._connection.sendall(data[start : start + PIECE])

    def _info(
        self, group: Group, record: Record, size: int, digest: bytes = protocol.NO_ID
    ) -> bytes:
        return FileInfo(
            self._node.announced,
            group.path,
            size,
            record.flags,
            record.offset,
            record.timestamp,
            digest,
        ).pack()

    def _reply(
        self,
        header: Header,
        payload: bytes = b"",
        status: int = 0,
        command: int | None = None,
        flags: int = 0,
    ) -> None:
        head = self._reply_header(header, len(payload), header.id, command, flags, status)
        self._connection.sendall(head + payload)

    def _begin_reply(self, header: Header, size: int, id_: bytes, command: int, flags: int) -> None:
        self._connection.sendall(self._reply_header(header, size, id_, command, flags, 0))

    def _reply_header(
        self, header: Header, size: int, id_: bytes, command: int | None, flags: int, status: int
    ) -> bytes:
        kept = header.flags & (protocol.NOLOCK | protocol.CHECKSUM)
        return Header(
            id_,
            header.group,
            header.command if command is None else command,
            protocol.REPLY | kept | flags,
            header.transaction,
            size,
            status,
            self._backend(header),
            header.trace,
        ).pack()

    def _backend(self, header: Header) -> int:
        if header.command == protocol.ROUTE_LIST:
            return 0
        try:
            return self._node.group(header.group).backend
        except Refused:
            return -1

    def _read(self, size: int) -> bytearray | None:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            got = self._connection.recv_into(view)
            if not got:
                return None
            view = view[got:]
        return data


class Cluster:
    """Nodes that know each other.

    :param layout: the groups of each node, by any name of the node.
    """

    def __init__(self, layout: Mapping[int, Iterable[int]]) -> None:
        self.nodes = {
            name: Node(
                Group(number, backend, f"/tmp/elliptics-run/g{number}/data-0.0".encode())
                for backend, number in enumerate(numbers)
            )
            for name, numbers in layout.items()
        }
        for node in self.nodes.values():
            node.peers = [peer for peer in self.nodes.values() if peer is not node]

    @property
    def addresses(self) -> list[Address]:
        return [node.address for node in self.nodes.values()]

    def group(self, number: int) -> Group:
        """Find a group, disabled or not."""
        (found,) = (g for node in self.nodes.values() for g in node.groups if g.number == number)
        return found

    def __enter__(self) -> Self:
        for node in self.nodes.values():
            node.start()
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes.values():
            node.stop()


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def main() -> None:
    """Serve one node until it is told to stop; print its port first."""
    parser = argparse.ArgumentParser(description="An Elliptics server in memory, for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--groups", default="1")
    arguments = parser.parse_args()
    groups = [int(number) for number in arguments.groups.split(",")]
    node = Node([Group(number, backend) for backend, number in enumerate(groups)], arguments.port)
    node.start()
    print(node.address.port, flush=True)  # noqa: T201
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    node.stop()


if __name__ == "__main__":
    main()
