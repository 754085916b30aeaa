"""A cache of blobs: one transfer for all, and never a byte that isn't the blob's."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from docker_registry.drivers.base import Reader
from docker_registry.errors import Unavailable
from docker_registry.registry.blob_cache import BlobCache
from docker_registry.registry.blob_files import Wanted
from docker_registry.registry.names import Digest
from tests.tools import small_disk

MIB = 1024 * 1024
BLOCK = 64 * 1024
SECONDS = 20


class Store:
    """A store of one blob, which gives it as a test wants.

    :ivar opened: at which offsets it was opened.
    :ivar pause: is called before each block, with its offset.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.opened: list[int] = []
        self.pause: Callable[[int], object] = lambda position: None

    def wanted(self, digest: Digest | None = None) -> Wanted:
        return Wanted(digest or Digest.of(self.data), len(self.data), self.open)

    def open(self, offset: int, length: int | None) -> Reader:
        self.opened.append(offset)
        return _Blocks(self, offset, length)


class _Blocks(Reader):
    def __init__(self, store: Store, offset: int, length: int | None) -> None:
        self._store = store
        self._offset = offset
        self.size = len(store.data)
        self.length = self.size - offset if length is None else length

    def __iter__(self) -> Iterator[bytes]:
        end = self._offset + self.length
        for position in range(self._offset, end, BLOCK):
            self._store.pause(position)
            yield self._store.data[position : min(position + BLOCK, end)]

    def close(self) -> None:
        pass


@pytest.fixture
def store() -> Store:
    return Store(os.urandom(MIB))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def cache(directory: Path) -> BlobCache:
    return BlobCache(directory, 10 * MIB)


def read(reader: Reader) -> bytes:
    with reader:
        return b"".join(reader)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it doesn't come true"
        time.sleep(0.01)


def whole(directory: Path, store: Store) -> bool:
    return (directory / store.wanted().name).exists()


def test_many_at_once_cost_one_transfer(directory: Path, store: Store) -> None:
    # Each has its own, as processes have.
    caches = [BlobCache(directory, 10 * MIB) for _ in range(4)]
    store.pause = lambda position: time.sleep(0.005)
    with ThreadPoolExecutor(40) as pool:
        found = list(pool.map(lambda one: read(caches[one % 4].open(store.wanted())), range(40)))
    assert all(data == store.data for data in found)
    assert store.opened == [0]


def test_a_whole_blob_is_a_file(cache: BlobCache, directory: Path, store: Store) -> None:
    read(cache.open(store.wanted()))
    until(lambda: whole(directory, store))
    with cache.open(store.wanted(), 1000) as reader:
        assert reader.file is not None
        assert reader.file.tell() == 1000
        assert (reader.size, reader.length) == (MIB, MIB - 1000)
    assert read(cache.open(store.wanted(), 10, 5)) == store.data[10:15]
    assert store.opened == [0]


def test_a_part_does_not_fetch_the_whole(cache: BlobCache, directory: Path, store: Store) -> None:
    assert read(cache.open(store.wanted(), 10, 5)) == store.data[10:15]
    assert store.opened == [10]
    assert not directory.exists()


def test_the_first_client_may_go_away(cache: BlobCache, directory: Path, store: Store) -> None:
    go_on = Event()
    store.pause = lambda position: position < 4 * BLOCK or go_on.wait(SECONDS)
    first = cache.open(store.wanted())
    other = cache.open(store.wanted())
    assert next(iter(first))
    first.close()
    go_on.set()
    assert read(other) == store.data
    until(lambda: whole(directory, store))
    assert store.opened == [0]


def test_what_has_another_digest_is_not_kept(
    cache: BlobCache, directory: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        read(cache.open(store.wanted(Digest.of(b"other"))))
        until(lambda: not list(directory.iterdir()))
    assert "another digest" in caplog.text
    assert store.opened == [0, 0]


def test_a_store_that_breaks_is_asked_for_the_rest(
    cache: BlobCache, directory: Path, store: Store
) -> None:
    breaks = [8 * BLOCK]

    def pause(position: int) -> None:
        if position in breaks:
            breaks.remove(position)
            raise Unavailable("broken")

    store.pause = pause
    assert read(cache.open(store.wanted())) == store.data
    until(lambda: whole(directory, store))
    assert store.opened == [0, 8 * BLOCK]


@pytest.mark.parametrize("after", [0, 8 * BLOCK])
def test_a_store_that_stays_broken_is_an_error(cache: BlobCache, store: Store, after: int) -> None:
    def pause(position: int) -> None:
        if position >= after:
            raise Unavailable("broken")

    store.pause = pause
    with pytest.raises(Unavailable):
        read(cache.open(store.wanted()))


def test_the_least_recently_used_goes_first(directory: Path) -> None:
    cache = BlobCache(directory, 3 * MIB)
    stores = [Store(os.urandom(MIB)) for _ in range(4)]
    for age, store in enumerate(stores[:3]):
        read(cache.open(store.wanted()))
        until(lambda store=store: whole(directory, store))
        os.utime(directory / store.wanted().name, (0, 1000 + age))
    # It counts as used now, and goes on being read when it is removed.
    read(cache.open(stores[0].wanted()))
    being_read = cache.open(stores[1].wanted())
    os.utime(directory / stores[1].wanted().name, (0, 1000))
    read(cache.open(stores[3].wanted()))
    until(lambda: whole(directory, stores[3]))
    assert [whole(directory, store) for store in stores] == [True, False, True, True]
    assert read(being_read) == stores[1].data


def test_what_is_larger_than_the_budget_passes_by(directory: Path, store: Store) -> None:
    cache = BlobCache(directory, MIB - 1)
    assert read(cache.open(store.wanted())) == store.data
    assert not directory.exists()


def test_only_what_is_the_caches_is_removed(directory: Path, store: Store) -> None:
    directory.mkdir()
    (directory / "precious.1000000").write_bytes(bytes(MIB))
    left, taken = f"sha256-{'0' * 64}.{MIB}", f"sha256-{'1' * 64}"
    (directory / left).write_bytes(bytes(1000))
    os.utime(directory / left, (0, 1000))
    (directory / taken).write_bytes(bytes(MIB))
    cache = BlobCache(directory, MIB)
    assert not (directory / left).exists()
    assert (directory / taken).exists()
    read(cache.open(store.wanted()))
    until(lambda: whole(directory, store))
    assert {path.name for path in directory.iterdir()} == {"precious.1000000", store.wanted().name}


def test_a_torn_file_is_not_served(cache: BlobCache, directory: Path, store: Store) -> None:
    directory.mkdir()
    (directory / store.wanted().name).write_bytes(store.data[:-1])
    assert read(cache.open(store.wanted())) == store.data
    until(lambda: whole(directory, store))
    assert (directory / store.wanted().name).read_bytes() == store.data


def test_without_a_directory_blobs_are_streamed(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "file").touch()
    cache = BlobCache(tmp_path / "file" / "cache", 10 * MIB)
    for _ in range(3):
        assert read(cache.open(store.wanted())) == store.data
    assert caplog.text.count("CACHE_BLOBS_PATH") == 1


def test_on_a_full_disk_blobs_are_streamed(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "small", MIB // 2):
        cache = BlobCache(tmp_path / "small", 10 * MIB)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: read(cache.open(store.wanted())), range(8)))
        assert all(data == store.data for data in found)
        assert read(cache.open(store.wanted())) == store.data
        assert not list((tmp_path / "small").iterdir())
    assert caplog.text.count("CACHE_BLOBS_PATH") == 1


#: Fetches half of a blob into the cache and waits then.
FETCHES_HALF = """
import pathlib, sys, time
from tests.unit.registry.test_blob_cache import BlobCache, Store, read
data = pathlib.Path(sys.argv[1]).read_bytes()
store = Store(data)
store.pause = lambda position: position < len(data) // 2 or time.sleep(60)
read(BlobCache(pathlib.Path(sys.argv[2]), 10 * len(data)).open(store.wanted()))
"""


def test_a_killed_process_is_taken_over_from(
    cache: BlobCache, directory: Path, store: Store, tmp_path: Path
) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(store.data)
    growing = directory / f"{store.wanted().name}.{MIB}"
    command = [sys.executable, "-c", FETCHES_HALF, str(blob), str(directory)]
    with subprocess.Popen(command) as process, ThreadPoolExecutor(8) as pool:
        try:
            until(lambda: growing.exists() and growing.stat().st_size == MIB // 2)
            found = [pool.submit(lambda: read(cache.open(store.wanted()))) for _ in range(8)]
            # They read what is there, and wait for more.
            time.sleep(0.3)
            assert not any(one.done() for one in found)
        finally:
            process.send_signal(signal.SIGKILL)
        assert all(one.result(SECONDS) == store.data for one in found)
    assert store.opened == [MIB // 2]
    until(lambda: whole(directory, store))
