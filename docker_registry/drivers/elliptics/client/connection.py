"""One TCP connection to a node: many requests may be under way on it.

A connection is used by one thread at a time. It never blocks after it was made: who uses it waits
until its socket is ready (see ``exchange``), then calls ``flush`` and ``receive``.
"""

from __future__ import annotations

import itertools
import socket
import time
import weakref
from collections import deque

from docker_registry.drivers.elliptics.client import protocol, requests
from docker_registry.drivers.elliptics.client.errors import (
    Disconnected,
    EllipticsError,
    ProtocolError,
    TimedOut,
    status_error,
)
from docker_registry.drivers.elliptics.client.nodes import Address, Handshake
from docker_registry.drivers.elliptics.client.protocol import Header
from docker_registry.drivers.elliptics.client.requests import Request

#: The longest payload that is believed, in bytes: a longer one is taken for bytes out of step.
LONGEST_PAYLOAD = 1 << 30


class Call:
    """A request under way, and what came back.

    :ivar packets: header and payload of each reply.
    :ivar error: why there is no (whole) answer.
    :ivar done: whether nothing more will come.
    :ivar attempts: how often it was sent.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.packets: list[tuple[Header, bytearray]] = []
        self.error: EllipticsError | None = None
        self.done = False
        self.attempts = 0
        self.sent = 0.0

    def take(self, header: Header, payload: bytearray) -> None:
        """Keep a reply; the one without MORE is the last."""
        self.packets.append((header, payload))
        self.done = not header.flags & protocol.MORE

    def fail(self, error: EllipticsError) -> None:
        """End without an answer."""
        self.error = error
        self.done = True

    def result(self) -> tuple[Header, bytearray]:
        """Give the last reply, or raise what went wrong (``EllipticsError``)."""
        if self.error is not None:
            raise self.error
        header, payload = self.packets[-1]
        if header.status:
            what = f"command {self.request.command} to group {self.request.group}"
            raise status_error(header.status, what)
        return header, payload


class Connection:
    """A connection that has shaken hands.

    :param timeout: seconds for connecting, and as many for the answer to the handshake.
    :raises Disconnected: the node can't be reached, or refuses every version we speak.
    :raises TimedOut: the node doesn't answer.
    :ivar handshake: what the node says it holds.
    :ivar calls: those without their whole answer, by transaction.
    :ivar progress: when the last byte went or came, by ``time.monotonic``.
    """

    def __init__(self, address: Address, timeout: float) -> None:
        self.address = address
        self.calls: dict[int, Call] = {}
        self.progress = time.monotonic()
        self._numbers = itertools.count(1)
        self._out: deque[memoryview] = deque()
        self._header = bytearray(Header.BYTES)
        self._expected: Header | None = None
        self._buffer = self._header
        self._filled = 0
        self._socket, self.handshake = _connect(address, timeout)
        # An idle connection ends with the cluster that keeps it.
        weakref.finalize(self, self._socket.close)

    def fileno(self) -> int:
        """Give the descriptor, for ``select`` and its like."""
        return self._socket.fileno()

    @property
    def sending(self) -> bool:
        """Whether there are bytes left to send."""
        return bool(self._out)

    def submit(self, call: Call) -> None:
        """Put a request behind those that wait to be sent."""
        transaction = next(self._numbers)
        request = call.request
        self.calls[transaction] = call
        call.attempts += 1
        call.sent = time.monotonic()
        self._out.append(memoryview(request.header(transaction) + request.attributes))
        if request.data:
            self._out.append(memoryview(request.data))

    def flush(self) -> None:
        """Send as much as the system takes now."""
        try:
            while self._out:
                sent = self._socket.sendmsg(itertools.islice(self._out, 16))
                self.progress = time.monotonic()
                while sent:
                    first = self._out.popleft()
                    if sent < len(first):
                        self._out.appendleft(first[sent:])
                    sent -= min(sent, len(first))
        except BlockingIOError:
            return
        except OSError as error:
            raise Disconnected(f"{self.address}: {error.strerror or error}") from error

    def receive(self) -> None:
        """Take what has come, and hand whole replies to their calls."""
        try:
            while self._receive_some():
                pass
        except BlockingIOError:
            return
        except OSError as error:
            raise Disconnected(f"{self.address}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the socket. Requests under way may or may not be served."""
        self._socket.close()

    def _receive_some(self) -> bool:
        """Fill the buffer further; tell whether there may be more to read."""
        room = memoryview(self._buffer)[self._filled :]
        got = self._socket.recv_into(room)
        if not got:
            raise Disconnected(f"{self.address}: the node closed the connection")
        self.progress = time.monotonic()
        self._filled += got
        if self._filled == len(self._buffer):
            self._packet_part()
        return got == len(room)

    def _packet_part(self) -> None:
        """Go on from a whole header to the payload, and from the payload to the next header."""
        if self._expected is None:
            header = Header.unpack(self._header)
            if header.size > LONGEST_PAYLOAD:
                raise ProtocolError(f"{self.address}: a reply of {header.size} bytes")
            self._expected = header
            self._buffer = bytearray(header.size)
            self._filled = 0
            if header.size:
                return
        self._deliver(self._expected, self._buffer)
        self._expected = None
        self._buffer = self._header
        self._filled = 0

    def _deliver(self, header: Header, payload: bytearray) -> None:
        # What is no reply is news of the server's own (UPDATE_IDS), and what answers no call is
        # the rest of one that was given up.
        call = self.calls.get(header.transaction)
        if call is None or not header.flags & protocol.REPLY:
            return
        call.take(header, payload)
        if call.done:
            del self.calls[header.transaction]


def _connect(address: Address, timeout: float) -> tuple[socket.socket, Handshake]:
    """Find the version that the node speaks: it closes the connection on any other."""
    for version in protocol.VERSIONS:
        try:
            connected = _open(address, timeout)
            try:
                handshake = _shake_hands(connected, version)
            except BaseException:
                connected.close()
                raise
        except TimeoutError as error:
            raise TimedOut(f"{address}: no answer in {timeout} s") from error
        except OSError as error:
            raise Disconnected(f"{address}: {error.strerror or error}") from error
        if handshake is not None:
            connected.setblocking(False)
            return connected, handshake
        connected.close()
    known = ", ".join(f"{major}.{minor}" for major, minor in protocol.VERSIONS)
    raise Disconnected(f"{address}: speaks none of the versions {known} of Elliptics")


def _open(address: Address, timeout: float) -> socket.socket:
    connected = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        connected.settimeout(timeout)
        connected.connect((address.host, address.port))
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connected.close()
        raise
    return connected


def _shake_hands(connected: socket.socket, version: tuple[int, ...]) -> Handshake | None:
    """Give what the node holds, or ``None`` if it speaks another version."""
    connected.sendall(requests.handshake(version).header(0))
    while True:
        raw = _read_exactly(connected, Header.BYTES)
        if raw is None:
            return None
        header = Header.unpack(raw)
        if header.size > LONGEST_PAYLOAD:
            raise ProtocolError(f"a reply of {header.size} bytes to a handshake")
        payload = _read_exactly(connected, header.size)
        if payload is None:
            return None
        if header.flags & protocol.REPLY and header.command == protocol.REVERSE_LOOKUP:
            if header.status:
                raise status_error(header.status, "handshake")
            return Handshake.unpack(payload)


def _read_exactly(connected: socket.socket, size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        try:
            piece = connected.recv(size - len(data))
        except ConnectionResetError:
            return None
        if not piece:
            return None
        data += piece
    return bytes(data)
