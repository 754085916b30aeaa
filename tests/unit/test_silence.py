"""The limit on silence, between two ends of a real connection."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import EnvironBuilder

from docker_registry.silence import SilenceLimit, limit_headers

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Give the server's and the client's end of a TCP connection whose listener is limited."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        limit_headers(listener, 0.2)
        with socket.create_connection(listener.getsockname()) as client:
            server, _ = listener.accept()
            with server:
                yield server, client


def test_wait_for_headers_ends(pair: Pair) -> None:
    server, _ = pair
    start = time.monotonic()
    with pytest.raises(BlockingIOError):
        server.recv(1)
    assert 0.15 < time.monotonic() - start < 5


@pytest.fixture
def unlimited() -> Iterator[Pair]:
    """Give the two ends of a connection whose listener, somebody else's, has no limit."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        server, _ = listener.accept()
        with server:
            yield server, client


METHODS = pytest.mark.parametrize("method", ["GET", "PATCH"])


@METHODS
@pytest.mark.parametrize("ends", ["pair", "unlimited"])
def test_wait_for_the_body_ends(request: pytest.FixtureRequest, ends: str, method: str) -> None:
    server, client = request.getfixturevalue(ends)

    def application(_environ, start_response):
        start_response("200 OK", [])
        return [server.recv(1)]

    limited = SilenceLimit(application, 0.2)
    environ = EnvironBuilder(method=method).get_environ() | {"gunicorn.socket": server}
    client.sendall(b"a")
    assert list(limited(environ, lambda *_: None)) == [b"a"]
    with pytest.raises((TimeoutError, BlockingIOError)):
        limited(environ, lambda *_: None)


@METHODS
def test_wait_for_room_to_send_ends(pair: Pair, method: str) -> None:
    server, _ = pair

    def application(_environ, start_response):
        start_response("200 OK", [])
        server.sendall(bytes(64 * 1024 * 1024))
        return []

    environ = EnvironBuilder(method=method).get_environ() | {"gunicorn.socket": server}
    with pytest.raises((TimeoutError, BlockingIOError)):
        SilenceLimit(application, 0.2)(environ, lambda *_: None)


def test_wait_for_room_to_send_a_file_ends(pair: Pair, tmp_path: Path) -> None:
    server, _ = pair
    (tmp_path / "layer").write_bytes(bytes(64 * 1024 * 1024))

    def application(_environ, start_response):
        start_response("200 OK", [])
        with (tmp_path / "layer").open("rb") as layer:
            server.sendfile(layer)
        return []

    environ = EnvironBuilder().get_environ() | {"gunicorn.socket": server}
    with pytest.raises(TimeoutError):
        SilenceLimit(application, 0.2)(environ, lambda *_: None)


def test_other_servers_are_left_alone() -> None:
    limited = SilenceLimit(lambda *_: [b"ok"], 0.2)
    assert list(limited(EnvironBuilder().get_environ(), lambda *_: None)) == [b"ok"]
