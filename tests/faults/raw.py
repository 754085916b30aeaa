"""Connections on which a test may say anything, or stop in the middle."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Self

from tests.faults.client import TIMEOUT


class Answer:
    """What the server said.

    :ivar status: ``None`` when it closed the connection without an answer.
    """

    def __init__(self, status: int | None, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def is_ours(self) -> bool:
        """Whether our application answered; the server itself refuses what isn't HTTP at all."""
        return "Docker-Distribution-API-Version" in self.headers

    def error_codes(self) -> list[str]:
        """Give the codes of a registry error body, which must be one."""
        assert self.headers["Content-Type"] == "application/json", self.body
        errors = json.loads(self.body)["errors"]
        assert errors
        assert all(error["code"] and error["message"] for error in errors)
        return [error["code"] for error in errors]


class Connection:
    """A connection to a registry on this machine."""

    def __init__(self, port: int, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(("127.0.0.1", port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, method: str, path: str, *headers: str, body: bytes = b"") -> None:
        """Send a request, or its beginning: exactly these headers, besides Host."""
        lines = [f"{method} {path} HTTP/1.1", "Host: registry.example", *headers, "", ""]
        self.send("\r\n".join(lines).encode("latin-1") + body)

    def chunk(self, data: bytes) -> None:
        """Send a chunk of a body with ``Transfer-Encoding: chunked``."""
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def answer(self) -> Answer:
        """Read the answer."""
        response = http.client.HTTPResponse(self.socket)
        try:
            response.begin()
            return Answer(response.status, dict(response.headers), response.read())
        except (http.client.RemoteDisconnected, ConnectionError):
            return Answer(None, {}, b"")
        finally:
            response.close()

    def is_closed(self) -> bool:
        """Wait until the server closes the connection; ``False`` if it says something instead."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True
