"""The client and the test server against a recording of a real Elliptics 3.0.0.1.

The client must send these requests byte for byte and understand the answers; the test server must
give these answers byte for byte, so that it is worth testing the driver against.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docker_registry.drivers.elliptics.client import protocol, requests
from docker_registry.drivers.elliptics.client.connection import Call, Connection
from docker_registry.drivers.elliptics.client.errors import Mismatch, NotFound, StatusError
from docker_registry.drivers.elliptics.client.nodes import (
    Address,
    FileInfo,
    Handshake,
    unpack_routes,
)
from docker_registry.drivers.elliptics.client.protocol import Header, IoAttributes, key_id
from docker_registry.drivers.elliptics.client.requests import Request
from docker_registry.drivers.elliptics.client.session import read_data
from tests.elliptics.server import Node
from tests.elliptics.store import Group

STEPS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "elliptics/transcript.json").read_text()
)["steps"]

X = key_id(b"docker/registry/v2/x", b"DOCKER")
TIME = (1764000000, 123)
RECORDED = Address("127.0.0.1", 11025)


EMPTY, PREPARED, UNPREPARED, APPENDED, MISSING = (
    key_id(name, b"DOCKER") for name in (b"empty", b"big", b"noprep", b"app", b"missing")
)


def recorded_data(step: int) -> bytes:
    return bytes.fromhex(STEPS[step]["request"])[Header.BYTES + IoAttributes.BYTES :]


HELLO = protocol.checksum(b"hello world")
CHUNKS = protocol.IO_PLAIN_WRITE

#: Request and transaction number of each step, as the client makes it.
REQUESTS: list[tuple[int, Request]] = [
    (0, requests.handshake((2, 26))),
    (0, requests.handshake((3, 0, 0, 1))),
    (1, requests.routes()),
    (2, requests.read(1, X)),
    (3, requests.lookup(1, X)),
    (4, requests.delete(1, X)),
    (5, requests.write(1, X, b"hello world", TIME, user_flags=7)),
    (6, requests.lookup(1, X)),
    (7, requests.lookup(1, X, checksum=True)),
    (8, requests.read(1, X)),
    (9, requests.read(1, X, 6, 5)),
    (10, requests.read(1, X, 6, 500)),
    (11, requests.read(1, X, 11, 1)),
    (12, requests.read(1, X, io_flags=protocol.IO_CHECKSUM)),
    (13, requests.write(1, X, b"", TIME)),
    (14, requests.compare_and_swap(1, X, protocol.checksum(b"wrong"), b"other", TIME)),
    (15, requests.compare_and_swap(1, X, HELLO, b"other", TIME)),
    (16, requests.read(1, X)),
    (17, requests.write(1, X, b"short reply", TIME, io_flags=protocol.IO_WRITE_NO_FILE_INFO)),
    (18, requests.write(1, EMPTY, b"", TIME)),
    (19, requests.write(1, PREPARED, recorded_data(20), TIME, number=512, io_flags=0x210)),
    (20, requests.read(1, PREPARED)),
    (21, requests.write(1, PREPARED, recorded_data(22), TIME, offset=256, io_flags=CHUNKS)),
    (22, requests.write(1, PREPARED, recorded_data(23), TIME, offset=600, io_flags=CHUNKS)),
    (23, requests.write(1, PREPARED, b"", TIME, number=512, io_flags=0x220)),
    (24, requests.read(1, PREPARED)),
    (25, requests.write(1, UNPREPARED, recorded_data(26), TIME, io_flags=CHUNKS)),
    (26, requests.write(1, APPENDED, b"one", TIME, io_flags=protocol.IO_APPEND)),
    (27, requests.write(1, APPENDED, b"two", TIME, io_flags=protocol.IO_APPEND)),
    (28, requests.read(1, APPENDED)),
    (29, requests.bulk_read(1, [X, MISSING, APPENDED])),
    (30, requests.write(2, X, b"replica", TIME)),
    (31, requests.read(2, X)),
    (32, requests.read(99, X)),
    (33, Request(28, 1, X)),
    (34, requests.delete(1, X)),
    (35, requests.read(1, X)),
]

names = pytest.mark.parametrize("step", range(len(STEPS)), ids=[step["name"] for step in STEPS])


def reply(step: int) -> bytes:
    return bytes.fromhex(STEPS[step]["reply"])


def packets(data: bytes) -> Iterator[tuple[Header, bytearray]]:
    while data:
        header = Header.unpack(data)
        end = Header.BYTES + header.size
        yield header, bytearray(data[Header.BYTES : end])
        data = data[end:]


def recorded_call(step: int) -> Call:
    call = Call(REQUESTS[step][1])
    for header, payload in packets(reply(step)):
        assert not call.done
        assert header.transaction == REQUESTS[step][0]
        call.take(header, payload)
    assert call.done
    return call


@names
def test_the_client_sends_the_recorded_request(step: int) -> None:
    transaction, request = REQUESTS[step]
    sent = request.header(transaction) + request.attributes + request.data
    assert sent.hex() == STEPS[step]["request"]


def test_all_recorded_requests_are_made() -> None:
    assert len(REQUESTS) == len(STEPS)


@names
def test_headers_are_packed_as_they_were_read(step: int) -> None:
    data = b"".join(header.pack() + payload for header, payload in packets(reply(step)))
    assert data == reply(step)


@pytest.mark.parametrize(
    ("step", "error", "status"),
    [
        (3, NotFound, -2),
        (4, NotFound, -2),
        (5, NotFound, -2),
        (12, StatusError, -7),
        (15, Mismatch, -77),
        (19, NotFound, -2),
        (21, NotFound, -2),
        (23, StatusError, -7),
        (26, NotFound, -2),
        (33, StatusError, -95),
        (34, StatusError, -95),
        (36, NotFound, -2),
    ],
)
def test_the_client_understands_refusals(step: int, error: type[StatusError], status: int) -> None:
    with pytest.raises(error) as caught:
        recorded_call(step).result()
    assert caught.value.status == status
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("step", "data", "total"),
    [
        (9, b"hello world", 11),
        (10, b"world", 11),
        (11, b"world", 11),
        (17, b"other", 5),
        (25, recorded_data(20) + recorded_data(22), 512),
        (29, b"onetwo", 6),
        (32, b"replica", 7),
    ],
)
def test_the_client_understands_reads(step: int, data: bytes, total: int) -> None:
    attributes, found = read_data(recorded_call(step).result()[1])
    assert found == data
    assert (attributes.total_size, attributes.size) == (total, len(data))
    assert attributes.timestamp == TIME


def test_the_client_understands_a_read_with_checksum() -> None:
    attributes, data = read_data(recorded_call(13).result()[1])
    assert attributes.parent == protocol.checksum(data)
    assert attributes.user_flags == 7


def test_the_client_understands_a_bulk_read() -> None:
    call = recorded_call(30)
    assert [header.status for header, _ in call.packets] == [0, -2, 0, 0]
    found = [read_data(payload)[1] for _, payload in call.packets if payload]
    assert found == [b"short reply", b"onetwo"]


@pytest.mark.parametrize("step", [6, 7, 8, 14, 16, 20, 22, 24, 27, 28, 31])
def test_the_client_understands_places(step: int) -> None:
    payload = recorded_call(step).result()[1]
    place = FileInfo.unpack(payload)
    assert place.address == RECORDED
    assert place.path in (b"/tmp/elliptics-run/g1/data-0.0", b"/tmp/elliptics-run/g2/data-0.0")
    assert place.timestamp == TIME
    assert place.checksum == (HELLO if step == 8 else protocol.NO_ID)
    assert place.pack() == payload


def test_the_client_understands_the_handshake() -> None:
    (_, payload) = recorded_call(1).result()
    handshake = Handshake.unpack(bytes(payload))
    assert handshake.addresses == (RECORDED,)
    assert [(b.number, b.group, b.disabled, len(b.ring)) for b in handshake.backends] == [
        (0, 1, False, 1),
        (1, 2, False, 1),
    ]
    assert handshake.pack() == payload
    assert unpack_routes(bytes(recorded_call(2).result()[1])) == (RECORDED,)


def recorded_node() -> Node:
    """Give a test server that stands for the one that was recorded."""
    rings = {b.group: b.ring[0] for b in Handshake.unpack(reply(1)[Header.BYTES :]).backends}
    groups = [Group(n, n - 1, f"/tmp/elliptics-run/g{n}/data-0.0".encode()) for n in (1, 2)]
    return Node(groups, announced=RECORDED, ring=rings)


def test_the_test_server_gives_the_recorded_replies() -> None:
    node = recorded_node()
    node.start()
    try:
        with socket.create_connection(("127.0.0.1", node.address.port), 5) as first:
            first.sendall(bytes.fromhex(STEPS[0]["request"]))
            assert first.recv(1) == b""
        with socket.create_connection(("127.0.0.1", node.address.port), 5) as connection:
            for number, step in enumerate(STEPS[1:], 1):
                connection.sendall(bytes.fromhex(step["request"]))
                expected = reply(number)
                got = b""
                while len(got) < len(expected) and (data := connection.recv(65536)):
                    got += data
                assert got.hex() == expected.hex(), step["name"]
    finally:
        node.stop()


def test_the_client_goes_through_the_recording() -> None:
    """A player of the recording answers, and only if it is asked exactly what was recorded."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        player = threading.Thread(target=play, args=(listener,))
        player.start()
        address = Address("127.0.0.1", listener.getsockname()[1])
        connection = Connection(address, 5)
        calls = [Call(request) for _, request in REQUESTS[2:]]
        for call in calls:
            connection.submit(call)
            while not call.done:
                connection.flush()
                connection.receive()
        connection.close()
        player.join(5)
    statuses = [[header.status for header, _ in call.packets] for call in calls]
    assert statuses == [step["statuses"] for step in STEPS[2:]]


def play(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        assert connection.recv(Header.BYTES) == requests.handshake((3, 0)).header(0)
        connection.sendall(reply(1))
        for step in STEPS[2:]:
            wanted = bytes.fromhex(step["request"])
            got = b""
            while len(got) < len(wanted):
                got += connection.recv(len(wanted) - len(got))
            assert got.hex() == wanted.hex(), step["name"]
            connection.sendall(bytes.fromhex(step["reply"]))
        assert connection.recv(1) == b""
