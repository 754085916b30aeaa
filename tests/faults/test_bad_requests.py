"""Requests that no honest client sends: answered below 500, soon, and without harm to others."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.clients.daemon import Daemon, chain
from tests.faults.client import Client
from tests.faults.raw import Answer, Connection
from tests.images import MIB, digest_of, noise
from tests.servers import RegistryServer

UPLOADS = "/v2/team/app/blobs/uploads/"
MANIFEST = "/v2/team/app/manifests/latest"
MANIFEST_TYPE = "Content-Type: application/vnd.oci.image.manifest.v1+json"

#: How long the server may take over nonsense, in seconds.
SOON = 10
#: By how much the memory of a worker may grow while it refuses something huge, in bytes.
MEMORY = 48 * MIB


@pytest.fixture(autouse=True)
def server_is_unharmed(registry: RegistryServer) -> Iterator[None]:
    """Check that the registry serves others as before, and that nothing failed in it."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SOON
    with Client(registry.url) as client:
        for _ in range(4):
            assert client.get("/v2/").status_code == 200
    assert "Traceback" not in registry.log_tail()


def ask(registry: RegistryServer, data: bytes) -> Answer:
    with Connection(registry.port) as connection:
        connection.send(data)
        return connection.answer()


def check_refusal(answer: Answer) -> None:
    """Check that it is not our fault, and the registry error JSON wherever we answer."""
    assert answer.status is None or 400 <= answer.status < 500, (answer.status, answer.body)
    if answer.is_ours and answer.status != 404:
        assert answer.error_codes()


def request(line: str, *headers: str, host: str = "registry.example") -> bytes:
    return "\r\n".join([line, f"Host: {host}", *headers, "", ""]).encode("latin-1")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET /v2/\r\n\r\n", id="HTTP/0.9"),
        pytest.param(b"GET /v2/ HTTP/9.9\r\nHost: a\r\n\r\n", id="HTTP/9.9"),
        pytest.param(b"GET /v2/ HTTP/1.1 more\r\nHost: a\r\n\r\n", id="four words"),
        pytest.param(b"GET\r\n\r\n", id="one word"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="TLS hello"),
        pytest.param(b"\x00" * 10_000 + b"\r\n\r\n", id="zeros"),
        pytest.param(b"G\xffT /v2/ HTTP/1.1\r\nHost: a\r\n\r\n", id="method of no token"),
        pytest.param(b"GET /v2/" + b"a" * 20_480 + b" HTTP/1.1\r\n\r\n", id="20 KB line"),
        pytest.param(b"GET /v2/" + b"a" * 200_000, id="200 KB without an end of line"),
        pytest.param(request("GET /v2/ HTTP/1.1", "X: " + "a" * 100_000), id="long header"),
        pytest.param(
            request("GET /v2/ HTTP/1.1", *(f"X-{n}: {n}" for n in range(5000))), id="5000 headers"
        ),
        pytest.param(request("GET /v2/ HTTP/1.1", "No colon"), id="header without colon"),
        pytest.param(request("GET /v2/ HTTP/1.1", "X\x00: a"), id="NUL in a header's name"),
        pytest.param(request("GET /v2/ HTTP/1.1", "X : a"), id="space before the colon"),
        pytest.param(request("GET /v2/ HTTP/1.1", "X: a", " folded"), id="folded header"),
    ],
)
def test_what_is_not_http(registry: RegistryServer, data: bytes) -> None:
    check_refusal(ask(registry, data))


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: -5"],
        ["Content-Length: +5"],
        ["Content-Length: five"],
        ["Content-Length: 5.0"],
        ["Content-Length: 0x5"],
        ["Content-Length: "],
        ["Content-Length: 5_0"],
        ["Content-Length: 5, 6"],
        ["Content-Length: " + "9" * 5000],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding: \x0bchunked"],
    ],
    ids=lambda headers: " | ".join(headers)[:60],
)
def test_lengths_that_can_be_read_in_two_ways(registry: RegistryServer, headers: list[str]) -> None:
    answer = ask(
        registry, request(f"POST {UPLOADS} HTTP/1.1", *headers) + b"5\r\nhello\r\n0\r\n\r\n"
    )
    check_refusal(answer)


def test_an_unknown_coding_is_refused(registry: RegistryServer) -> None:
    data = request(f"POST {UPLOADS} HTTP/1.1", "Transfer-Encoding: br") + b"0\r\n\r\n"
    # 501 is what RFC 9112, section 6.1, wants.
    assert ask(registry, data).status in (400, 501)


@pytest.mark.parametrize(
    "body",
    [
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"zz\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\n0\n\r\n",
        b"5\r\nhello more than five\r\n0\r\n\r\n",
        b"5;x=\x01\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nbad trailer\r\n\r\n",
        b"a" * 100_000,
        b"1;" + b"a" * 100_000,
    ],
    ids=lambda body: repr(body[:16]),
)
@pytest.mark.parametrize("method", ["PATCH", "PUT", "POST", "manifest"])
def test_chunks_that_are_none(registry: RegistryServer, method: str, body: bytes) -> None:
    digest = digest_of(b"hello")
    with Client(registry.url) as client:
        session = client.start().headers["Location"].removeprefix(registry.url)
    line = {
        "PATCH": f"PATCH {session}",
        "PUT": f"PUT {session}?digest={digest}",
        "POST": f"POST {UPLOADS}?digest={digest}",
        "manifest": f"PUT {MANIFEST}",
    }[method]
    with Connection(registry.port) as connection:
        connection.send(request(f"{line} HTTP/1.1", "Transfer-Encoding: chunked") + body)
        answer = connection.answer()
    assert answer.status == 400
    assert answer.is_ours
    assert answer.error_codes() == ["SIZE_INVALID"]


@pytest.mark.parametrize(
    "path",
    [
        "/v2/team%00app/manifests/latest",
        "/v2/team/app/manifests/%00",
        "/v2/team%2fapp/manifests/..",
        "/v2/%2e%2e/%2e%2e/%2e%2e/etc/passwd/manifests/latest",
        "/v2/../../etc/passwd",
        "/v2/team/../app/manifests/latest",
        "/v2/team/app/manifests/%2e%2e",
        "/v2/team/app/manifests/..%2f..%2f..%2fetc%2fpasswd",
        "/v2/team/app/blobs/..%2f..%2fdata",
        "/v2/team/app/blobs/sha256:%2e%2e%2f%2e%2e",
        "/v2/team/app/blobs/uploads/..%2f..",
        "/v2/team/_uploads/tags/list",
        "/v2/%ff%fe/manifests/latest",
        "/v2/\xff\xfe/manifests/latest",
        "/v2/team%/manifests/latest",
        "/v2/team%zz/manifests/latest",
        "/v2/TEAM/manifests/latest",
        "/v2/team%0d%0aX-Evil:%20yes/manifests/latest",
        "/v2//manifests/latest",
        "/v2/team//app/manifests/latest",
        "/v2/" + "a" * 300 + "/manifests/latest",
        "/v2/" + "a/" * 1000 + "manifests/latest",
        "/v2/team/app/manifests/" + "a" * 300,
        "/v2/team/app/manifests/sha256:" + "a" * 1000,
        "/v2/team/app/manifests/sha256:bad",
        "/v2/team/app/tags/list?n=%ff&last=%ff%00",
        "/v2/team/app/tags/list?n=-1",
        "/v2/_catalog?n=99999999999999999999999999999&last=%00",
        "/v2/_catalog?n=1%00",
        "*",
        "registry.example:443",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_hostile_paths(registry: RegistryServer, method: str, path: str) -> None:
    data = request(f"{method} {path} HTTP/1.1", "Content-Length: 0", "Connection: close")
    with Connection(registry.port) as connection:
        connection.send(data)
        received = b"".join(iter(lambda: connection.socket.recv(MIB), b""))
    head = received.partition(b"\r\n\r\n")[0]
    status = int(head.split()[1])
    # A page behind a name that can't be one is a page like any other; and a repository is deleted
    # at a path that ends in a slash, to which others are sent, to be refused there.
    known = status == 200 and "_catalog" in path
    elsewhere = status == 308 and method == "DELETE"
    assert 400 <= status < 500 or known or elsewhere, head
    if elsewhere:
        (location,) = re.findall(rb"(?m)^Location: (.*)\r$", head + b"\r")
        assert location.startswith(b"http://registry.example/v2/"), location
        check_refusal(ask(registry, data.replace(path.encode("latin-1"), location[23:])))
        return
    assert b"X-Evil" not in head
    assert b"root:" not in received
    if b"Docker-Distribution-API-Version" in head and method != "HEAD":
        assert b"application/json" in head


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_absolute_uris(registry: RegistryServer, method: str) -> None:
    path = "/v2/" if method == "GET" else UPLOADS
    line = f"{method} http://other.example{path} HTTP/1.1"
    answer = ask(registry, request(line, "Content-Length: 0"))
    assert answer.status in (200, 202, 400, 404)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        'evil"',
        "evil\r\n X-Evil: yes",
        "evil\x00",
        "evil example",
        "evil<script>",
        "a" * 5000,
        "evil/../..",
        "evil@other",
        "evil:port",
        "[::1",
        "\xff\xfe",
    ],
    ids=repr,
)
def test_hostile_hosts(registry: RegistryServer, host: str | None) -> None:
    headers = [f"POST {UPLOADS} HTTP/1.1", *([] if host is None else [f"Host: {host}"])]
    data = "\r\n".join([*headers, "Content-Length: 0", "", ""]).encode("latin-1")
    answer = ask(registry, data)
    assert answer.status is None or answer.status < 500, (answer.status, answer.body)
    assert "X-Evil" not in answer.headers
    location = answer.headers.get("Location", "")
    assert not set(location) & set('"<>\r\n\0 '), location
    if answer.status is not None and answer.status >= 400:
        check_refusal(answer)


def test_two_hosts(registry: RegistryServer) -> None:
    answer = ask(registry, request(f"POST {UPLOADS} HTTP/1.1", "Host: other", "Content-Length: 0"))
    assert answer.status is not None
    assert answer.status < 500


def memory(registry: RegistryServer) -> dict[int, int]:
    """Give the peak resident memory of each worker, in bytes, by process."""
    assert registry.process is not None
    master = registry.process.pid
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    assert workers
    peaks = {}
    for worker in map(int, workers):
        status = Path(f"/proc/{worker}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        peaks[worker] = int(line.split()[1]) * 1024
    return peaks


def check_memory(before: dict[int, int], after: dict[int, int]) -> None:
    assert before.keys() == after.keys(), "a worker was replaced"
    for worker, peak in after.items():
        assert peak - before[worker] < MEMORY, f"grew by {(peak - before[worker]) // MIB} MiB"


def test_a_huge_manifest_is_refused_when_announced(registry: RegistryServer) -> None:
    before = memory(registry)
    with Connection(registry.port) as connection:
        connection.send(
            request(f"PUT {MANIFEST} HTTP/1.1", MANIFEST_TYPE, "Content-Length: 1000000000")
        )
        answer = connection.answer()
    assert answer.status == 413
    assert answer.error_codes() == ["MANIFEST_INVALID"]
    check_memory(before, memory(registry))


def test_a_manifest_without_end_is_refused_on_the_way(registry: RegistryServer) -> None:
    before = memory(registry)
    sent = 0
    with Connection(registry.port) as connection:
        connection.send(
            request(f"PUT {MANIFEST} HTTP/1.1", MANIFEST_TYPE, "Transfer-Encoding: chunked")
        )
        try:
            while sent < 1000 * MIB:
                connection.chunk(b" " * MIB)
                sent += MIB
        except ConnectionError:
            pass
        answer = connection.answer()
    assert sent < 1000 * MIB, "the server read on and on"
    # The connection is broken off while the client sends, so that the answer may be lost.
    assert answer.status in (413, None)
    check_memory(before, memory(registry))


def test_a_manifest_of_too_many_chunks_gets_its_answer(registry: RegistryServer) -> None:
    with Connection(registry.port) as connection:
        connection.send(
            request(f"PUT {MANIFEST} HTTP/1.1", MANIFEST_TYPE, "Transfer-Encoding: chunked")
        )
        for _ in range(5):
            connection.chunk(b" " * MIB)
        connection.send(b"0\r\n\r\n")
        answer = connection.answer()
    assert answer.status == 413
    assert answer.error_codes() == ["MANIFEST_INVALID"]


def test_a_large_blob_takes_no_memory(registry: RegistryServer) -> None:
    data = noise("large", 64 * MIB)
    with Client(registry.url) as client:
        assert client.post(b"warm").status_code == 201
        before = memory(registry)
        for way in client.ways():
            assert way(data).status_code == 201
        assert client.digest_at(f"blobs/{digest_of(data)}") == digest_of(data)
    check_memory(before, memory(registry))


def test_deep_json_is_no_manifest(registry: RegistryServer) -> None:
    with Client(registry.url) as client:
        for content in (b"[" * 100_000, b'{"a":' * 100_000, b"9" * 1_000_000, b'"' + b"\\" * 9999):
            answer = client.put_manifest(content, "deep")
            assert answer.status_code == 400
            assert answer.json()["errors"][0]["code"] == "MANIFEST_INVALID"


def test_a_large_layer_of_v1_takes_no_memory(registry: RegistryServer) -> None:
    small, large = chain("small"), chain("large", size=64 * MIB)
    with Daemon(registry.url) as daemon:
        for _ in range(4):
            daemon.push("team/small", small, "latest")
        assert requests.get(f"{registry.url}/v1/images/{small[0].id}/files", timeout=60).ok
        before = memory(registry)
        daemon.push("team/large", large, "latest")
        assert daemon.pull("team/large") == large
        files = requests.get(f"{registry.url}/v1/images/{large[0].id}/files", timeout=60)
        assert files.json()[0][:4] == ["/large", "f", False, 64 * MIB]
    check_memory(before, memory(registry))


def test_a_request_behind_a_refused_one_is_not_smuggled(registry: RegistryServer) -> None:
    # Where a body is left unread, its bytes must not be taken for the next request.
    hidden = request("DELETE /v2/team/app/ HTTP/1.1", "Content-Length: 0")
    with Client(registry.url) as client:
        assert client.push_image(b"layer", "kept").status_code == 201
        with Connection(registry.port) as connection:
            connection.request("POST", "/v2/nowhere", f"Content-Length: {len(hidden)}", body=hidden)
            assert connection.answer().status == 404
            connection.request("GET", "/v2/", "Connection: close")
            assert connection.answer().status in (200, None)
        assert client.tags() == ["kept"]
