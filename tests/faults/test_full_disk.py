"""A store without room, and one that can't be written to any more."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.clients.daemon import Daemon, Refused, chain
from tests.conftest import ServerFactory
from tests.faults.client import (
    Client,
    check_registry,
    check_store,
    error_codes,
    files_below,
    manifest_of,
    together,
)
from tests.images import MIB, digest_of, noise
from tests.servers import RegistryServer
from tests.tools import small_disk

SIZE = 24 * MIB


@pytest.fixture
def small_store(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of its own, with little room."""
    store = tmp_path / "small"
    with small_disk(store, SIZE):
        yield store


@pytest.fixture
def server(small_store: Path, start_registry: ServerFactory) -> RegistryServer:
    return start_registry(STORAGE_PATH=str(small_store))


@pytest.fixture
def client(server: RegistryServer) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


def is_refused(answer: requests.Response, status: int) -> bool:
    """Tell whether the store was the reason; anything but that or success fails the test."""
    if answer.status_code == status:
        assert error_codes(answer) == ["UNAVAILABLE"]
        return True
    assert answer.status_code in (201, 202), (answer.status_code, answer.text)
    return False


def fill(client: Client, name: str, size: int) -> list[str]:
    """Push blobs until there is no room, at last not even for small ones; give their digests."""
    pushed = []
    while size >= 1024:
        data = noise(f"{name} {len(pushed)} {size}", size)
        way = client.ways()[len(pushed) % 4]
        if is_refused(way(data), 507):
            size //= 4
        else:
            pushed.append(digest_of(data))
    return pushed


def check_all(client: Client, blobs: list[str]) -> None:
    for digest in blobs:
        assert client.digest_at(f"blobs/{digest}") == digest


def test_a_full_disk_refuses_pushes_and_serves_pulls(
    server: RegistryServer, client: Client
) -> None:
    layer = noise("image", 100_000)
    assert client.push_image(layer, "before").status_code == 201
    image = digest_of(manifest_of(layer))
    room = client.start().headers["Location"]
    assert client.patch(room, noise("room", 4 * MIB)).status_code == 202
    blobs = fill(client, "blob", MIB)
    assert sum(1 for _ in blobs) > 10, "the disk was full before it was filled"

    # An upload that finds no room stays where it was.
    grown = client.patch(room, noise("more", MIB), 4 * MIB)
    assert is_refused(grown, 507)
    assert client.get(room).headers["Range"] == f"0-{4 * MIB - 1}"
    # So does a tag, and new ones don't appear.
    for reference in ("new", "before", None):
        content = manifest_of(layer, "no room " + "x" * 100_000)
        assert is_refused(client.put_manifest(content, reference), 507)
    assert check_registry(server.url) == {"team/app": {"before": image}}
    check_all(client, blobs)

    # Deleting needs no room, and what it frees can be used.
    assert client.delete("manifests/before").status_code == 202
    assert client.tags() == []
    assert client.delete(room).status_code == 204
    assert client.put_manifest(manifest_of(layer), "after").status_code == 201
    after = noise("after", 2 * MIB)
    assert client.stream(after).status_code == 201
    check_all(client, [*blobs, digest_of(after)])

    server.restart()
    assert check_registry(server.url) == {"team/app": {"after": image}}
    check_all(client, [*blobs, digest_of(after)])
    server.stop()
    check_store(server.store)
    assert list(files_below(server.store / ".tmp")) == []


def test_many_clients_fill_the_disk(server: RegistryServer, client: Client) -> None:
    clients = [Client(server.url, f"team/app{n}") for n in range(4)]
    try:
        pushed = together(
            *(partial(fill, other, f"client {n}", MIB // 2) for n, other in enumerate(clients))
        )
        for other, blobs in zip(clients, pushed, strict=True):
            check_all(other, blobs)
    finally:
        for other in clients:
            other.session.close()
    assert sum(map(len, pushed)) > 20
    assert list(files_below(server.store / ".tmp")) == []
    server.stop()
    check_store(server.store)


def test_layers_of_v1_fill_the_disk(server: RegistryServer) -> None:
    images = chain("base", *(f"layer {n}" for n in range(8)), size=4 * MIB)
    with Daemon(server.url) as daemon:
        daemon.push("team/app", images[:1], "latest")
        with pytest.raises(Refused, match="no room left") as refused:
            daemon.push("team/app", images, "latest")
        assert refused.value.status == 507
        assert daemon.pull("team/app") == images[:1]
        # The tag is where it was; what is complete stays.
        assert requests.delete(f"{server.url}/v1/repositories/team/app/", timeout=60).ok
        daemon.push("team/other", images[: len(daemon.pushed)], "latest")
        assert daemon.pull("team/other") == images[: len(daemon.pushed)]
    assert list(files_below(server.store / ".tmp")) == []


def test_a_crash_with_a_full_disk(server: RegistryServer, client: Client) -> None:
    layer = noise("image", 100_000)
    assert client.push_image(layer, "before").status_code == 201
    room = client.start().headers["Location"]
    assert client.patch(room, noise("room", 2 * MIB)).status_code == 202
    blobs = fill(client, "blob", MIB)
    server.kill()
    check_store(server.store)
    server.start()
    assert client.get(room).headers["Range"] == f"0-{2 * MIB - 1}"
    assert check_registry(server.url) == {"team/app": {"before": digest_of(manifest_of(layer))}}
    check_all(client, blobs)
    assert client.delete(room).status_code == 204
    assert client.push_image(noise("again", 100_000), "again").status_code == 201


def test_a_store_that_becomes_read_only(server: RegistryServer, client: Client) -> None:
    layer = noise("image", 100_000)
    assert client.push_image(layer, "old").status_code == 201
    upload = client.start().headers["Location"]
    assert client.patch(upload, b"begun").status_code == 202
    # So old that garbage collection has to be told when somebody asks for it.
    old = time.time() - 7 * 86400
    for path in files_below(server.store / "docker/registry/v2/blobs"):
        os.utime(path, (old, old))
    image = digest_of(manifest_of(layer))

    subprocess.run(["mount", "-o", "remount,ro", server.store], check=True)
    changes = [
        *(partial(way, noise("new", 1000)) for way in client.ways()),
        partial(client.start),
        partial(client.patch, upload, b" and more"),
        partial(client.finish, upload, digest_of(b"begun")),
        partial(client.delete, upload),
        partial(client.mount, digest_of(layer), "team/app"),
        partial(client.put_manifest, manifest_of(layer, "new"), "new"),
        partial(client.put_manifest, manifest_of(layer), "new"),
        partial(client.delete, "manifests/old"),
        partial(client.delete, f"manifests/{image}"),
        partial(client.delete, f"blobs/{digest_of(layer)}"),
        partial(client.delete, "/v2/team/app/"),
    ]
    for change in changes:
        answer = change()
        assert is_refused(answer, 503), change
        assert int(answer.headers["Retry-After"]) > 0
    assert check_registry(server.url) == {"team/app": {"old": image}}
    for path in ("manifests/old", f"manifests/{image}", f"blobs/{digest_of(layer)}"):
        assert client.request("HEAD", path).status_code == 200, path
    part = client.get(f"blobs/{digest_of(layer)}", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, layer[10:20])
    assert client.get(upload).status_code == 204

    subprocess.run(["mount", "-o", "remount,rw", server.store], check=True)
    assert client.finish(upload, digest_of(b"begun and more"), b" and more").status_code == 201
    assert client.push_image(noise("new", 1000), "new").status_code == 201
    assert set(check_registry(server.url)["team/app"]) == {"old", "new"}
