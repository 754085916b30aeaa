"""Clients that vanish, fall silent or are slow in the middle of a request."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests

from tests.conftest import ServerFactory
from tests.faults.client import Client
from tests.faults.raw import Connection
from tests.images import MIB, digest_of, noise
from tests.servers import RegistryServer

WORKERS, THREADS = 2, 4
SILENT_SECONDS = 1
#: So many connections that each thread would be busy three times over.
MANY = 3 * WORKERS * THREADS

CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture
def patient(start_registry: ServerFactory) -> RegistryServer:
    """Give a server that would wait for a silent client longer than any test does."""
    return start_registry(
        GUNICORN_WORKERS=str(WORKERS), GUNICORN_THREADS=str(THREADS), GUNICORN_SILENT_TIMEOUT="600"
    )


@pytest.fixture
def impatient(start_registry: ServerFactory) -> RegistryServer:
    """Give a server of one worker, so that it is known which threads are busy."""
    return start_registry(
        GUNICORN_WORKERS="1",
        GUNICORN_THREADS=str(THREADS),
        GUNICORN_SILENT_TIMEOUT=str(SILENT_SECONDS),
    )


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def path_of(answer: requests.Response) -> str:
    return urlsplit(answer.headers["Location"]).path


def wait_for_range(client: Client, location: str, size: int) -> None:
    """Wait until a session is at ``size`` bytes: the server notices later that a client is gone."""
    deadline = time.monotonic() + 10
    while (found := client.get(location).headers["Range"]) != f"0-{size - 1}":
        assert time.monotonic() < deadline, f"the upload is at {found}, not at {size} bytes"
        time.sleep(0.05)


def assert_prompt(server: RegistryServer, seconds: float) -> None:
    """Check that every thread that a request may meet answers it soon."""
    for _ in range(2 * WORKERS):
        # Not one of the reads that are answered without a thread.
        assert requests.get(f"{server.url}/v2/_catalog", timeout=seconds).status_code == 200


@pytest.mark.parametrize("received", [1, 600, 70_000, 3 * MIB + 5])
@pytest.mark.parametrize("framing", ["length", "chunked", "cut chunk"])
def test_an_upload_goes_on_from_where_it_was_cut(
    registry: RegistryServer, framing: str, received: int
) -> None:
    data = noise(f"cut {framing} {received}", received + 100_000)
    with Client(registry.url) as client:
        started = client.start()
        location = started.headers["Location"]
        with Connection(registry.port) as connection:
            if framing == "length":
                connection.request("PATCH", path_of(started), f"Content-Length: {len(data)}")
                connection.send(data[:received])
            else:
                connection.request("PATCH", path_of(started), CHUNKED)
                whole = received // 2 if framing == "cut chunk" else received
                if whole:
                    connection.chunk(data[:whole])
                if framing == "cut chunk":
                    connection.send(b"ffffff\r\n" + data[whole:received])
        if received == 1:
            time.sleep(1)  # an offset of 1 looks like none at all: 0-0
        wait_for_range(client, location, received)
        wrong = client.patch(location, data[received + 1 :], received + 1)
        assert wrong.status_code == 416
    # Another connection, so that it may be another worker.
    with Client(registry.url) as client:
        assert client.patch(location, data[received : received + 10], received).status_code == 202
        assert client.finish(location, digest_of(data), data[received + 10 :]).status_code == 201
        assert client.digest_at(f"blobs/{digest_of(data)}") == digest_of(data)


@pytest.mark.parametrize("request_line", ["POST", "PUT"])
def test_a_cut_body_never_makes_a_blob(registry: RegistryServer, request_line: str) -> None:
    data = noise(f"cut {request_line}", 50_000)
    with Client(registry.url) as client:
        path = path_of(client.start()) if request_line == "PUT" else "/v2/team/app/blobs/uploads/"
        # The digest of what came: only the length says that it was not all.
        path += f"?digest={digest_of(data)}"
        with Connection(registry.port) as connection:
            connection.request(request_line, path, "Content-Length: 60000", body=data)
        time.sleep(0.5)
        assert client.digest_at(f"blobs/{digest_of(data)}") is None


def test_clients_that_go_away_in_uploads_free_their_threads(patient: RegistryServer) -> None:
    with Client(patient.url) as client:
        paths = [path_of(client.start()) for _ in range(MANY)]
    connections = [Connection(patient.port) for _ in paths]
    for connection, path in zip(connections, paths, strict=True):
        connection.request("PATCH", path, "Content-Length: 1000000", body=b"x" * 1000)
    time.sleep(0.5)
    for connection in connections:
        connection.close()
    assert_prompt(patient, 10)


def test_clients_that_go_away_in_downloads_free_their_threads(patient: RegistryServer) -> None:
    data = noise("download", 16 * MIB)
    with Client(patient.url) as client:
        assert client.post(data).status_code == 201
    path = f"/v2/team/app/blobs/{digest_of(data)}"
    connections = [Connection(patient.port, receive_buffer=4096) for _ in range(MANY)]
    for number, connection in enumerate(connections):
        # Whole ones go out by sendfile, ranges by write.
        connection.request("GET", path, *(["Range: bytes=1-16000000"] if number % 2 else []))
    for connection in connections[:THREADS]:
        assert connection.socket.recv(100).startswith(b"HTTP/1.1 20")
    for connection in connections:
        connection.close()
    assert_prompt(patient, 10)
    with Client(patient.url) as client:
        assert client.digest_at(f"blobs/{digest_of(data)}") == digest_of(data)


def test_clients_that_do_not_close_their_side_hold_nobody_up(
    impatient: RegistryServer, stack: ExitStack
) -> None:
    began = time.monotonic()
    for _ in range(THREADS - 1):
        connection = stack.enter_context(Connection(impatient.port))
        connection.request("GET", "/v2/", "Connection: close")
        assert connection.answer().status == 200
    assert_prompt(impatient, 10)
    # Two seconds for each of them, one after another, would be longer.
    assert time.monotonic() - began < 2 * (THREADS - 1) - 1


@pytest.mark.parametrize("moment", ["headers", "body", "chunk", "download"])
def test_silent_clients_free_their_threads(
    impatient: RegistryServer, stack: ExitStack, moment: str
) -> None:
    data = noise("silence", 16 * MIB)
    client = stack.enter_context(Client(impatient.url))
    assert client.post(data).status_code == 201
    paths = [path_of(client.start()) for _ in range(3 * THREADS)]
    began = time.monotonic()
    silent = [stack.enter_context(Connection(impatient.port, 4096)) for _ in paths]
    for connection, path in zip(silent, paths, strict=True):
        if moment == "headers":
            connection.send(b"GET /v2/ HTTP/1.1\r\nHost: regis")
        elif moment == "body":
            connection.request("PATCH", path, "Content-Length: 1000", body=b"x" * 10)
        elif moment == "chunk":
            connection.request("PATCH", path, CHUNKED, body=b"a\r\n0123")
        else:
            connection.request("GET", f"/v2/team/app/blobs/{digest_of(data)}")
    # Each thread meets three silent clients; then there is some time to spare.
    longest = 3 * SILENT_SECONDS + 10
    assert_prompt(impatient, longest)
    if moment == "headers":
        assert all(connection.is_closed() for connection in silent)
    elif moment in ("body", "chunk"):
        for connection in silent:
            answer = connection.answer()
            assert answer.status == 400, answer.body
            assert answer.error_codes() == ["SIZE_INVALID"]
    assert SILENT_SECONDS < time.monotonic() - began < longest
    assert "Traceback" not in impatient.log_tail()


def test_a_slow_client_that_moves_is_not_cut_off(impatient: RegistryServer) -> None:
    data = noise("slow", 8000)
    with Connection(impatient.port) as connection:
        path = f"/v2/team/app/blobs/uploads/?digest={digest_of(data)}"
        connection.request("POST", path, f"Content-Length: {len(data)}")
        for start in range(0, len(data), 1000):
            connection.send(data[start : start + 1000])
            time.sleep(SILENT_SECONDS / 3)
        assert connection.answer().status == 201


def test_sigterm_waits_for_slow_transfers(patient: RegistryServer) -> None:
    data = noise("drained", 8 * MIB)
    with Client(patient.url) as client:
        assert client.post(data).status_code == 201
        started = client.start()
    codes: list[int | None] = []
    stopping = threading.Thread(target=lambda: codes.append(patient.stop()))
    with (
        Connection(patient.port) as up,
        Connection(patient.port) as chunked,
        Connection(patient.port, receive_buffer=4096) as down,
    ):
        upload = noise("slow upload", 100_000)
        up.request(
            "POST",
            f"/v2/team/app/blobs/uploads/?digest={digest_of(upload)}",
            f"Content-Length: {len(upload)}",
            body=upload[:10_000],
        )
        chunked.request("PATCH", path_of(started), CHUNKED)
        chunked.chunk(upload[:10_000])
        down.request("GET", f"/v2/team/app/blobs/{digest_of(data)}")
        assert down.socket.recv(12) == b"HTTP/1.1 200"
        time.sleep(0.5)
        assert patient.process is not None
        patient.process.send_signal(signal.SIGTERM)
        stopping.start()
        for start in range(10_000, 100_000, 30_000):
            time.sleep(0.7)
            up.send(upload[start : start + 30_000])
            chunked.chunk(upload[start : start + 30_000])
        assert not codes, "the server ended before the transfers did"
        chunked.send(b"0\r\n\r\n")
        assert chunked.answer().status == 202
        assert up.answer().status == 201
        rest = b"".join(iter(lambda: down.socket.recv(MIB), b""))
    assert digest_of(rest[-len(data) :]) == digest_of(data)
    stopping.join(60)
    assert codes == [0]
    patient.start()
    with Client(patient.url) as client:
        assert client.digest_at(f"blobs/{digest_of(upload)}") == digest_of(upload)
        finished = client.finish(path_of(started), digest_of(upload))
        assert finished.status_code == 201, finished.text
