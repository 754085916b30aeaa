"""The worker, in a real server: who waits for whom."""

from __future__ import annotations

import json
import resource
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from docker_registry.worker import CLOSED_AT_ONCE
from tests.conftest import ServerFactory
from tests.faults.client import Client, manifest_of
from tests.faults.raw import Connection
from tests.images import MIB, digest_of
from tests.servers import RegistryServer

THREADS = 2
#: So many clients that each thread would be busy several times over.
MANY = 4 * THREADS
TAG, PING = "/v2/team/app/manifests/latest", "/v2/"
#: Seconds within which a server that isn't held up answers, on a busy machine.
SOON = 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """Give a server of one worker with few threads, which has one image."""
    settings = {"GUNICORN_WORKERS": "1", "GUNICORN_THREADS": str(THREADS)}
    server = RegistryServer(tmp_path_factory.mktemp("worker"), settings)
    try:
        with Client(server.start().url) as client:
            client.push_image(b"a layer", "latest").raise_for_status()
        yield server
    finally:
        server.stop()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def manifest(server: RegistryServer) -> bytes:
    return requests.get(f"{server.url}{TAG}", timeout=SOON).content


def read(connection: Connection, size: int) -> bytes:
    """Read so many bytes, or to the end."""
    data = b""
    while len(data) < size and (more := connection.socket.recv(size - len(data))):
        data += more
    return data


def asked(path: str, *headers: str, version: str = "1.1") -> bytes:
    return "\r\n".join([f"GET {path} HTTP/{version}", "Host: a", *headers, "", ""]).encode()


def test_common_reads_need_no_thread(
    server: RegistryServer, stack: ExitStack, manifest: bytes
) -> None:
    client = stack.enter_context(Client(server.url))
    paths = [urlsplit(client.start().headers["Location"]).path for _ in range(MANY)]
    for path in paths:
        busy = stack.enter_context(Connection(server.port))
        busy.request("PATCH", path, "Content-Length: 1000", body=b"x" * 10)
    time.sleep(0.5)
    with pytest.raises(requests.Timeout):
        requests.get(f"{server.url}/v2/_catalog", timeout=1)
    for _ in range(3):
        assert requests.get(f"{server.url}{TAG}", timeout=SOON).content == manifest
        assert requests.head(f"{server.url}{TAG}", timeout=SOON).status_code == 200
        assert requests.get(f"{server.url}{PING}", timeout=SOON).json() == {}


def test_who_says_nothing_holds_no_thread(server: RegistryServer, stack: ExitStack) -> None:
    for _ in range(MANY):
        stack.enter_context(Connection(server.port))
    time.sleep(0.2)
    assert requests.get(f"{server.url}/v2/_catalog", timeout=SOON).status_code == 200


class FewOpenFiles(RegistryServer):
    """A registry that begins with a soft limit of open files that is soon reached."""

    def command(self) -> list[str]:
        return ["prlimit", "--nofile=256:", *super().command()]


@pytest.fixture
def many_open_files() -> Iterator[None]:
    """Let the test itself open as many files as it may."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


def test_more_idle_clients_than_open_files_by_default(
    many_open_files: None, tmp_path: Path, stack: ExitStack
) -> None:
    server = FewOpenFiles(tmp_path / "registry", {"GUNICORN_WORKERS": "1"})
    stack.callback(server.remove)
    server.start()
    # More than gunicorn lets a worker have, too.
    clients = [stack.enter_context(Connection(server.port)) for _ in range(1100)]
    for _ in range(2):
        for client in clients:
            client.send(asked(PING))
        assert all(client.socket.recv(4096).startswith(b"HTTP/1.1 200 ") for client in clients)


def test_a_client_goes_on_behind_a_body_that_was_refused(server: RegistryServer) -> None:
    with requests.Session() as session:
        for _ in range(5):
            upload = f"{server.url}/v2/team/app/blobs/uploads/{uuid.uuid4()}"
            assert session.patch(upload, data=bytes(MIB)).status_code == 404
            assert session.get(f"{server.url}/v2/_catalog").status_code == 200


def test_who_does_not_read_holds_nobody_up(start_registry: ServerFactory, stack: ExitStack) -> None:
    server = start_registry(GUNICORN_WORKERS="1", GUNICORN_THREADS=str(MANY))
    client = stack.enter_context(Client(server.url))
    client.post(b"a layer").raise_for_status()
    document = json.loads(manifest_of(b"a layer"))
    client.post(b"{}").raise_for_status()
    document["annotations"] = {"large": "x" * 3 * MIB}
    large = json.dumps(document).encode()
    client.put_manifest(large, "large").raise_for_status()
    deaf = []
    for _ in range(THREADS):
        connection = stack.enter_context(Connection(server.port, 4096))
        for _ in range(3):
            connection.send(asked("/v2/team/app/manifests/large"))
        deaf.append(connection)
    time.sleep(0.5)
    assert client.get("manifests/large").content == large
    for connection in deaf:
        for _ in range(3):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.socket.recv(1)
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert digest_of(read(connection, len(large))) == digest_of(large)


def test_requests_that_come_together(
    server: RegistryServer, stack: ExitStack, manifest: bytes
) -> None:
    connection = stack.enter_context(Connection(server.port))
    connection.send(asked(TAG) + asked("/v2/_catalog") + asked(TAG) + asked(PING))
    connection.send(asked("/v2/team/app/tags/list", "Connection: close"))
    said = read(connection, MIB)
    assert said.count(b"HTTP/1.1 200 OK\r\n") == 5
    assert said.count(manifest) == 2
    places = [said.index(part) for part in (b'"repositories"', b"\r\n\r\n{}", b'"tags"')]
    assert places == sorted(places)
    assert said.index(manifest) < places[0] < said.rindex(manifest) < places[1]


def test_a_request_that_comes_in_pieces(
    server: RegistryServer, stack: ExitStack, manifest: bytes
) -> None:
    connection = stack.enter_context(Connection(server.port))
    for _ in range(2):
        for piece in (b"GET /v2/team/app/mani", b"fests/latest HTTP/1.1\r\nHost", b": a\r\n\r\n"):
            connection.send(piece)
            time.sleep(0.05)
        assert connection.answer().body == manifest


@pytest.mark.parametrize(
    "more", [b"Content-Length: 5\r\n\r\nhello", b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"]
)
def test_a_body_that_nobody_wants(
    server: RegistryServer, stack: ExitStack, manifest: bytes, more: bytes
) -> None:
    connection = stack.enter_context(Connection(server.port))
    for _ in range(2):
        connection.send(b"GET " + TAG.encode() + b" HTTP/1.1\r\nHost: a\r\n" + more)
        assert connection.answer().body == manifest


@pytest.mark.parametrize(
    "request_",
    [
        asked(TAG, "Connection: close"),
        asked(TAG, version="1.0"),
        asked("/v2/team/app/manifests/none", "Connection: close"),
    ],
)
def test_connections_that_end(server: RegistryServer, stack: ExitStack, request_: bytes) -> None:
    connection = stack.enter_context(Connection(server.port))
    connection.send(request_)
    assert connection.answer().status in (200, 404)
    assert connection.is_closed()


def test_what_is_no_request_is_refused(server: RegistryServer, stack: ExitStack) -> None:
    for head in (asked(TAG, "X y: z"), asked(TAG, "Host: b"), asked(TAG, version="1.1\x00")):
        connection = stack.enter_context(Connection(server.port))
        connection.send(head)
        assert connection.answer().status == 400


def test_idle_connections_are_closed_and_busy_ones_kept(
    start_registry: ServerFactory, stack: ExitStack
) -> None:
    server = start_registry(GUNICORN_WORKERS="1", GUNICORN_OPTS="--keep-alive 2")
    busy = stack.enter_context(Connection(server.port))
    # More than are closed in one go.
    silent, idle = (
        [stack.enter_context(Connection(server.port)) for _ in range(2 * CLOSED_AT_ONCE + 1)]
        for _ in range(2)
    )
    for connection in idle:
        connection.send(asked(PING))
        assert connection.answer().status == 200
    for _ in range(4):
        busy.send(asked(PING))
        assert busy.answer().status == 200
        time.sleep(1)
    for connection in (*silent, *idle):
        connection.socket.settimeout(SOON)
        assert connection.is_closed()
    busy.send(asked(PING))
    assert busy.answer().status == 200


def open_together(server: RegistryServer, number: int) -> list[int]:
    """Open connections in one moment, and count how many each worker has."""
    assert server.process is not None
    with ExitStack() as stack:
        connections = [stack.enter_context(Connection(server.port)) for _ in range(number)]
        for connection in connections:
            connection.send(asked(PING))
            assert connection.answer().status == 200
        return [
            sum(one.status == psutil.CONN_ESTABLISHED for one in worker.net_connections("tcp"))
            for worker in psutil.Process(server.process.pid).children()
        ]


def test_a_worker_that_is_to_be_replaced(start_registry: ServerFactory) -> None:
    server = start_registry(GUNICORN_WORKERS="1", GUNICORN_OPTS="--max-requests 10")
    first = workers(server)
    for _ in range(30):
        assert requests.get(f"{server.url}{PING}", timeout=SOON).status_code == 200
    assert workers(server) != first


def test_who_says_nothing_does_not_hold_up_the_stop(
    start_registry: ServerFactory, stack: ExitStack
) -> None:
    server = start_registry()
    silent = stack.enter_context(Connection(server.port))
    kept = stack.enter_context(Connection(server.port))
    kept.send(asked(PING))
    assert kept.answer().status == 200
    assert server.process is not None
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert silent.is_closed()
    assert kept.is_closed()
    server.process.wait(10)
    # Left alone, both would stay for fifteen seconds.
    assert time.monotonic() - began < 8


def workers(server: RegistryServer) -> set[int]:
    assert server.process is not None
    with suppress(psutil.NoSuchProcess):
        return {child.pid for child in psutil.Process(server.process.pid).children()}
    return set()
