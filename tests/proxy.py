"""A proxy before a real server that counts the requests it passes on, and does harm when told.

::

    with FaultyProxy("127.0.0.1", 17480) as proxy:
        driver = connect_to(proxy.port)
        driver.stat("a")
        assert proxy.calls() == ["HEAD /bucket/a"]
        proxy.respond(503, times=1)
        ...

A fault applies from the call that sets it to the next such call, also to open connections.
``when`` limits it to some requests and ``times`` to the first few that it would hit. Connections
that begin with a TLS handshake pass, are refused, hang and break like others; but requests in
them can't be seen, counted or answered.

Clients may also be told to use it as an HTTP proxy, for host names that can't be looked up.
"""

from __future__ import annotations

import contextlib
import enum
import http.client
import io
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

from tests.servers import free_port

BLOCK_BYTES = 256 * 1024
HEAD_BYTES = 64 * 1024
TLS_HANDSHAKE = b"\x16"
#: Closing sends RST instead of FIN (socket(7), SO_LINGER).
ABORTIVE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Request:
    """The head of a request: the path with its query, header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


When = Callable[[Request], bool]


class _Kind(enum.Enum):
    PASS = enum.auto()
    HANG = enum.auto()
    RESPOND = enum.auto()
    LOSE = enum.auto()
    RESET = enum.auto()
    END = enum.auto()
    STALL = enum.auto()


@dataclass
class _Fault:
    kind: _Kind = _Kind.PASS
    when: When = lambda _: True
    left: float = float("inf")
    answer: bytes = b""
    limit: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hits(self, request: Request) -> bool:
        """Tell whether this request is to suffer, and count it."""
        with self.lock:
            if not self.when(request) or self.left < 1:
                return False
            self.left -= 1
            return True


class _Cut(Exception):
    """The connection is to be broken."""


class FaultyProxy:
    """A threaded proxy on a port of 127.0.0.1.

    :param listen: that port, if it mustn't be any that is free.
    :ivar port: stays the same also while connections are refused.
    :ivar requests: heads of all requests that came, in order.
    :ivar connections: how many connections were taken.
    """

    def __init__(self, host: str, port: int, listen: int | None = None) -> None:
        self._upstream = (host, port)
        self.requests: list[Request] = []
        self.connections = 0
        self._latency = 0.0
        self._fault = _Fault()
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = self._listen(listen or free_port())
        self.port: int = self._listener.getsockname()[1]

    # What a test sees

    def calls(self) -> list[str]:
        """Give method and path, without the query, of each request so far."""
        return [f"{one.method} {one.path.partition('?')[0]}" for one in list(self.requests)]

    def methods(self) -> Counter[str]:
        """Give how many requests there were of each method."""
        return Counter(one.method for one in list(self.requests))

    def forget(self) -> None:
        """Begin to count anew."""
        self.requests.clear()

    # Faults

    def pass_through(self) -> None:
        """End the fault. What hung goes on."""
        self._set(_Fault())
        if self._listener.fileno() < 0:
            self._listener = self._listen(self.port)

    def refuse(self) -> None:
        """Refuse new connections, and reset the open ones."""
        self._set(_Fault())
        self._stop_listening()
        self._reset_all()

    def hang(self, when: When = lambda _: True, times: float = float("inf")) -> None:
        """Take requests and pass on nothing, neither them nor answers, until the fault ends."""
        self._set(_Fault(_Kind.HANG, when, times))

    def respond(
        self,
        status: int,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        when: When = lambda _: True,
        times: float = float("inf"),
    ) -> None:
        """Answer requests in the server's place."""
        reason = http.client.responses.get(status, "Unknown")
        lines = {"Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        answer = f"HTTP/1.1 {status} {reason}\r\n{head}\r\n".encode() + body
        self._set(_Fault(_Kind.RESPOND, when, times, answer))

    def lose_answer(self, when: When = lambda _: True, times: float = float("inf")) -> None:
        """Let the server do what it is asked, and reset the connection instead of its answer."""
        self._set(_Fault(_Kind.LOSE, when, times))

    def reset_after(
        self, limit: int, when: When = lambda _: True, times: float = float("inf")
    ) -> None:
        """Reset a connection when ``limit`` bytes have passed, both ways, since a request came."""
        self._set(_Fault(_Kind.RESET, when, times, limit=limit))

    def end_after(
        self, limit: int, when: When = lambda _: True, times: float = float("inf")
    ) -> None:
        """Likewise, but close the connection in good order."""
        self._set(_Fault(_Kind.END, when, times, limit=limit))

    def stall_after(
        self, limit: int, when: When = lambda _: True, times: float = float("inf")
    ) -> None:
        """Likewise, but pass on nothing more until the fault ends."""
        self._set(_Fault(_Kind.STALL, when, times, limit=limit))

    def delay(self, seconds: float) -> None:
        """Wait so long before each request is passed on; 0 ends it. Not ended by other faults."""
        self._latency = seconds

    # How it works

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._fault.over.set()
        self._stop_listening()
        self._reset_all()

    def _set(self, fault: _Fault) -> None:
        before, self._fault = self._fault, fault
        before.over.set()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _stop_listening(self) -> None:
        # Only a shutdown wakes the thread that waits in accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _reset_all(self) -> None:
        with self._lock:
            for open_socket in self._sockets:
                with contextlib.suppress(OSError):
                    open_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTIVE)
                    # Wakes who waits for it, without the FIN that another shutdown would send.
                    open_socket.shutdown(socket.SHUT_RD)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    @contextlib.contextmanager
    def _kept(self, one: socket.socket) -> Iterator[socket.socket]:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._sockets.add(one)
        try:
            yield one
        finally:
            with self._lock:
                self._sockets.discard(one)
            one.close()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, _Cut), self._kept(client):
            first = client.recv(1, socket.MSG_PEEK)
            if self._fault.kind is _Kind.HANG and first == TLS_HANDSHAKE:
                self._fault.over.wait()
            with self._kept(socket.create_connection(self._upstream)) as server:
                _Connection(self, client, server).run(secret=first == TLS_HANDSHAKE)

    def strike(self, request: Request) -> _Fault:
        """Count a request and give what it is to suffer."""
        self.requests.append(request)
        if self._latency:
            threading.Event().wait(self._latency)
        fault = self._fault
        return fault if fault.hits(request) else _Fault()


class _Connection:
    """A client's connection and ours to the server."""

    def __init__(self, proxy: FaultyProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._fault = _Fault()
        self._passed = 0
        self._count = threading.Lock()

    def run(self, secret: bool) -> None:
        """Pass on both directions until one of them ends."""
        answers = threading.Thread(target=self._pass_answers, daemon=True)
        answers.start()
        try:
            with self._client.makefile("rb") as stream:
                if secret:
                    self._pass_secret(stream)
                while not secret and self._pass_request(stream):
                    pass
        except (OSError, _Cut):
            pass
        else:
            with contextlib.suppress(OSError):
                self._server.shutdown(socket.SHUT_WR)
            answers.join()
        finally:
            with contextlib.suppress(OSError):
                self._server.shutdown(socket.SHUT_RDWR)
            answers.join()

    def _pass_secret(self, stream: io.BufferedReader) -> None:
        while block := stream.read1(BLOCK_BYTES):
            self._pass(block, self._server)

    def _pass_request(self, stream: io.BufferedReader) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline(HEAD_BYTES)
            if not line:
                return False
            head += line
        head = _origin_form(head)
        request = _parse(head)
        self._passed = 0
        self._fault = fault = self._proxy.strike(request)
        if fault.kind is _Kind.HANG:
            fault.over.wait()
        if fault.kind is _Kind.RESPOND:
            for _ in _body(stream, request):
                pass
            self._client.sendall(fault.answer)
            self._client.shutdown(socket.SHUT_WR)
            raise _Cut
        self._pass(head, self._server)
        for block in _body(stream, request):
            self._pass(block, self._server)
        return True

    def _pass_answers(self) -> None:
        try:
            while block := self._server.recv(BLOCK_BYTES):
                if self._fault.kind is _Kind.LOSE and b" 100 " not in block[:16]:
                    self._break(_Kind.RESET)
                self._pass(block, self._client)
            self._client.shutdown(socket.SHUT_WR)
        except (OSError, _Cut):
            with contextlib.suppress(OSError):
                self._client.shutdown(socket.SHUT_RD)

    def _pass(self, block: bytes, target: socket.socket) -> None:
        fault = self._fault
        if fault.kind in (_Kind.RESET, _Kind.END, _Kind.STALL):
            with self._count:
                room = max(fault.limit - self._passed, 0)
                self._passed += len(block)
            if len(block) > room:
                target.sendall(block[:room])
                block = block[room:]
                if fault.kind is not _Kind.STALL:
                    self._break(fault.kind)
                fault.over.wait()
        target.sendall(block)

    def _break(self, kind: _Kind) -> None:
        if kind is _Kind.RESET:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORTIVE)
        else:
            self._client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        raise _Cut


def _origin_form(head: bytes) -> bytes:
    """Take the server out of a target that was meant for a proxy (RFC 9112, section 3.2.2)."""
    return re.sub(rb"^(\S+ )https?://[^/ ]+", rb"\1", head)


def _parse(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = (line.partition(":") for line in lines)
    return Request(method, path, {name.lower(): value.strip() for name, _, value in headers})


def _body(stream: io.BufferedReader, request: Request) -> Iterator[bytes]:
    """Give a request's body as it is on the wire, block by block."""
    if "chunked" in request.headers.get("transfer-encoding", ""):
        yield from _chunked(stream)
        return
    left = int(request.headers.get("content-length", 0))
    while left and (block := stream.read1(min(left, BLOCK_BYTES))):
        left -= len(block)
        yield block


def _chunked(stream: io.BufferedReader) -> Iterator[bytes]:
    while True:
        line = stream.readline(HEAD_BYTES)
        size = int(line.partition(b";")[0], 16)
        yield line
        if size == 0:
            break
        yield stream.read(size + 2)
    while True:
        line = stream.readline(HEAD_BYTES)
        yield line
        if line in (b"\r\n", b""):
            return
