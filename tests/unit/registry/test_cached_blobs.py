"""Blobs with a cache before the store: what is not there isn't given."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from docker_registry.app import create_app
from docker_registry.config import Settings
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import BlobUnknown
from docker_registry.registry import Registry, layout
from docker_registry.registry.blob_cache import BlobCache
from docker_registry.registry.names import Digest, RepositoryName

DATA = b"layer " * 1000
DIGEST = Digest.of(DATA)
NAME = RepositoryName("team/app")
SECONDS = 20


def node(driver: MemoryDriver, directory: Path) -> Registry:
    return Registry(driver, blob_cache=BlobCache(directory, 2**20))


def pull(registry: Registry) -> bytes:
    with registry.blobs.find(NAME, DIGEST).open() as reader:
        return b"".join(reader)


@pytest.fixture
def driver(tmp_path: Path) -> MemoryDriver:
    """Give a store with a blob that is in the cache, whole."""
    driver = MemoryDriver()
    registry = node(driver, tmp_path)
    registry.uploads.push(NAME, DIGEST, [DATA])
    assert pull(registry) == DATA
    deadline = time.monotonic() + SECONDS
    while not (tmp_path / DIGEST.replace(":", "-")).exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return driver


def test_it_is_read_from_the_cache(driver: MemoryDriver, tmp_path: Path) -> None:
    # Other bytes, to see where those come from that are read.
    driver.put_content(layout.blob(DIGEST), DATA[::-1])
    assert pull(node(driver, tmp_path)) == DATA


def test_the_link_decides(driver: MemoryDriver, tmp_path: Path) -> None:
    registry = node(driver, tmp_path)
    registry.blobs.delete(NAME, DIGEST)
    with pytest.raises(BlobUnknown):
        pull(registry)


def test_what_the_store_has_lost_is_not_given(driver: MemoryDriver, tmp_path: Path) -> None:
    driver.delete(layout.blob(DIGEST))
    registry = node(driver, tmp_path)
    with pytest.raises(BlobUnknown):
        registry.blobs.stat(NAME, DIGEST)
    with pytest.raises(BlobUnknown):
        pull(registry)


def test_a_store_of_this_machine_needs_none(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    app = create_app(
        Settings(storage="memory", search_backend="none", cache_blobs_path=str(directory))
    )
    client = app.test_client()
    pushed = client.post(
        f"/v2/{NAME}/blobs/uploads/?digest={DIGEST}",
        data=DATA,
        content_type="application/octet-stream",
    )
    assert pushed.status_code == 201
    assert client.get(f"/v2/{NAME}/blobs/{DIGEST}").data == DATA
    assert not directory.exists()
