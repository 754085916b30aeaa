"""Bodies of requests come whole, whatever pieces they are sent in."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser

from docker_registry.receiving import Body, Receiver

CONTENT = bytes(range(256)) * 1000
HEAD = b"PATCH / HTTP/1.1\r\nHost: here\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection: the client's and the server's."""
    client, server = socket.socketpair()
    with client, server:
        yield client, server


def chunked(content: bytes, size: int) -> bytes:
    pieces = [content[begin : begin + size] for begin in range(0, len(content), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + framed


def announced(content: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(content) + content


def parse(server: socket.socket) -> RequestParser:
    parser = RequestParser(Config(), server, None)
    parser.unreader = Receiver(server)
    return parser


def begin(parser: RequestParser) -> Body:
    request = next(parser)
    request.body = Body(request.body.reader)
    return request.body


@pytest.mark.parametrize(
    "sent",
    [announced(CONTENT), *(chunked(CONTENT, size) + b"0\r\n\r\n" for size in (7, 999, 32768))],
    ids=["announced", "chunks of 7", "chunks of 999", "chunks of 32768"],
)
@pytest.mark.parametrize("size", [1, 1000, 65536, 10_000_000])
def test_each_read_is_as_long_as_asked(ends, sent, size):
    client, server = ends
    sender = threading.Thread(target=client.sendall, args=(sent + NEXT,))
    sender.start()
    parser = parse(server)
    body = begin(parser)
    reads = list(iter(lambda: body.read(size), b""))
    sender.join()
    assert b"".join(reads) == CONTENT
    assert {len(read) for read in reads[:-1]} <= {size}
    # What is behind the body is the next request's.
    assert next(parser).path == "/next"


def test_without_a_size_all_is_read(ends):
    client, server = ends
    client.sendall(announced(b"some bytes") + NEXT)
    body = begin(parse(server))
    assert (body.read(0), body.read(4), body.read(), body.read()) == (b"", b"some", b" bytes", b"")


@pytest.mark.parametrize(
    "sent",
    [
        chunked(CONTENT[:100], 30),
        chunked(CONTENT[:100], 30) + b"no size\r\n",
        chunked(CONTENT[:100], 30) + b"1e\r\n",
    ],
    ids=["ends", "breaks", "ends behind a size"],
)
def test_what_came_before_an_error_is_not_lost(ends, sent):
    client, server = ends
    client.sendall(sent)
    client.shutdown(socket.SHUT_WR)
    body = begin(parse(server))
    with pytest.raises((ParseException, OSError)):
        body.read(1000)
    assert body.failed
    assert body.read(1000) == CONTENT[:100]


def test_a_client_that_falls_silent(ends):
    client, server = ends
    client.sendall(chunked(CONTENT[:100], 30))
    server.settimeout(0.05)
    body = begin(parse(server))
    with pytest.raises(TimeoutError):
        body.read(1000)
    assert body.failed
    assert body.read(60) == CONTENT[:60]


def test_a_body_that_ends_early_is_short(ends):
    client, server = ends
    client.sendall(announced(CONTENT[:100])[:-10])
    client.shutdown(socket.SHUT_WR)
    assert begin(parse(server)).read(1000) == CONTENT[:90]
