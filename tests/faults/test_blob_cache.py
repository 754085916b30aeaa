"""A cache before a real store: many clients of two workers, one of which is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.clients import flavors
from tests.conftest import ServerFactory
from tests.drivers.s3_service import ceph_prefix
from tests.faults.client import Client
from tests.images import MIB, digest_of
from tests.proxy import FaultyProxy, Request
from tests.servers import RegistryServer

SECONDS = 60
SIZE = 24 * MIB
CLIENTS = 40


@pytest.fixture
def proxy() -> Iterator[FaultyProxy]:
    store = flavors.ceph_s3()
    with FaultyProxy(store["AWS_HOST"], int(store["AWS_PORT"])) as proxy:
        yield proxy


@pytest.fixture
def server(
    proxy: FaultyProxy, start_registry: ServerFactory, tmp_path: Path
) -> Iterator[RegistryServer]:
    with ceph_prefix() as store:
        yield start_registry(
            **{
                **flavors.ceph_s3(),
                "AWS_HOST": "127.0.0.1",
                "AWS_PORT": str(proxy.port),
                "STORAGE_PATH": store.storage_path,
                "CACHE_BLOBS_PATH": str(tmp_path / "cache"),
                "SEARCH_BACKEND": "none",
            }
        )


def is_transfer(request: Request) -> bool:
    """Tell whether a request reads a blob's bytes; one of them is how S3 is asked for a size."""
    is_blob = request.path.partition("?")[0].endswith("/data")
    return request.method == "GET" and is_blob and request.headers.get("range") != "bytes=0-0"


def pull(url: str) -> bytes:
    # A connection for each, so that both workers have some.
    return requests.get(url, timeout=SECONDS).content


@pytest.fixture
def blob(server: RegistryServer) -> tuple[str, bytes]:
    """Push a blob, and give its address and its bytes."""
    data = os.urandom(SIZE)
    with Client(server.url) as client:
        assert client.post_put(data).status_code == 201
    return f"{server.url}/v2/team/app/blobs/{digest_of(data)}", data


def holder(file: Path) -> int:
    """Give the process that has the lock of a file (proc(5), ``/proc/locks``)."""
    inode = str(file.stat().st_ino)
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode:
            return int(words[4])
    raise AssertionError(f"nobody has the lock of {file}")


def test_many_clients_cost_the_store_one_transfer(
    proxy: FaultyProxy, blob: tuple[str, bytes]
) -> None:
    url, data = blob
    proxy.forget()
    with ThreadPoolExecutor(CLIENTS) as pool:
        assert all(found == data for found in pool.map(pull, [url] * CLIENTS))
    part = requests.get(url, headers={"Range": "bytes=1000-1999"}, timeout=SECONDS)
    assert (part.status_code, part.content) == (206, data[1000:2000])
    transfers = [one.headers.get("range", "whole") for one in proxy.requests if is_transfer(one)]
    assert transfers == ["whole"]


def test_the_worker_that_fetches_is_killed(
    proxy: FaultyProxy, blob: tuple[str, bytes], tmp_path: Path
) -> None:
    url, data = blob
    proxy.forget()
    proxy.stall_after(SIZE // 2, when=is_transfer, times=1)
    growing = tmp_path / "cache" / f"{digest_of(data).replace(':', '-')}.{SIZE}"
    with ThreadPoolExecutor(CLIENTS) as pool:
        found = [pool.submit(pull, url) for _ in range(CLIENTS)]
        deadline = time.monotonic() + SECONDS
        while not (growing.exists() and growing.stat().st_size > SIZE // 4):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)
        os.kill(holder(growing), signal.SIGKILL)
        served = [one for one in found if not _was_cut_off(one)]
    # Clients of the other worker notice nothing, and the rest is not fetched twice.
    assert served
    assert all(one.result() == data for one in served)
    first, second = [one for one in proxy.requests if is_transfer(one)]
    assert "range" not in first.headers
    assert int(second.headers["range"].removeprefix("bytes=").rstrip("-")) > SIZE // 4
    assert pull(url) == data


def stream(url: str, data: bytes) -> int:
    """Push a blob as Docker does, which names its digest at the end; give the last status."""
    with Client(url) as client:
        return client.stream(data).status_code


def is_part(request: Request) -> bool:
    """Tell whether a request stores bytes of a blob."""
    return request.method == "PUT" and int(request.headers["content-length"]) >= MIB


def sent_to_store(proxy: FaultyProxy) -> int:
    """Give how many bytes of blobs the store was sent: what a PUT of it has is told by its head."""
    puts = (one.headers for one in proxy.requests if one.method == "PUT")
    return sum(int(headers["content-length"]) for headers in puts)


def test_the_same_new_blob_from_many_clients_goes_to_the_store_once_or_twice(
    proxy: FaultyProxy, server: RegistryServer
) -> None:
    data = os.urandom(SIZE)
    proxy.forget()
    with ThreadPoolExecutor(CLIENTS) as pool:
        assert list(pool.map(stream, [server.url] * CLIENTS, [data] * CLIENTS)) == [201] * CLIENTS
    # Twice if the client that was first takes long to name what it sent.
    assert SIZE < sent_to_store(proxy) < 2.1 * SIZE
    assert pull(f"{server.url}/v2/team/app/blobs/{digest_of(data)}") == data


def test_the_worker_is_killed_whose_upload_the_others_wait_for(
    proxy: FaultyProxy, server: RegistryServer, tmp_path: Path
) -> None:
    data = os.urandom(SIZE)
    proxy.forget()
    # What the first sends doesn't come to its end.
    proxy.hang(when=is_part, times=1)
    turns = tmp_path / "cache" / "uploads"
    with ThreadPoolExecutor(CLIENTS) as pool:
        pushed = [pool.submit(stream, server.url, data) for _ in range(CLIENTS)]
        deadline = time.monotonic() + SECONDS
        while not (turns.exists() and any(turns.iterdir()) and len(proxy.requests) > CLIENTS):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)
        os.kill(holder(next(turns.iterdir())), signal.SIGKILL)
        served = [one for one in pushed if not _was_cut_off(one)]
    assert served
    assert all(one.result() == 201 for one in served)
    assert pull(f"{server.url}/v2/team/app/blobs/{digest_of(data)}") == data


def _was_cut_off(request: Future[Any]) -> bool:
    error = request.exception(SECONDS)
    assert error is None or isinstance(
        error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
    )
    return error is not None
