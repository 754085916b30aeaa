"""Uploads of the same bytes at once: the store gets them once, and nobody fails or waits for it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import BlobUploadUnknown, DigestInvalid, SizeInvalid, Unavailable
from docker_registry.registry import Registry, layout, shared_uploads
from docker_registry.registry.names import Digest, RepositoryName
from docker_registry.registry.shared_uploads import BEGINNING_BYTES, SharedUploads, Turn

NAME, OTHER = RepositoryName("team/app"), RepositoryName("team/other")
PIECE = BEGINNING_BYTES // 4
DATA = os.urandom(6 * PIECE)
DIGEST = Digest.of(DATA)
SECONDS = 20


class CountingDriver(MemoryDriver):
    """Counts the bytes that it is given as parts and as blobs."""

    def __init__(self) -> None:
        super().__init__()
        self.appended = self.written = 0

    def append(self, state, chunks):
        grown = super().append(state, chunks)
        self.appended += grown["size"] - state["size"]
        return grown

    def write(self, directory, chunks, path):
        super().write(directory, chunks, path)
        self.written += self.stat(path).size


@pytest.fixture
def driver() -> CountingDriver:
    return CountingDriver()


@pytest.fixture
def registry(driver: CountingDriver, tmp_path: Path) -> Registry:
    return Registry(driver, shared_uploads=SharedUploads(tmp_path / "uploads"))


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAUSE", "LEAST_PATIENCE", "NAMING_SECONDS"):
        monkeypatch.setattr(shared_uploads, name, 0.02)


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LEAST_PATIENCE", "NAMING_SECONDS"):
        monkeypatch.setattr(shared_uploads, name, SECONDS)


def pieces(data: bytes = DATA) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


class Client:
    """One who pushes a blob as Docker does: in one request, and then says what it was.

    It stops in the middle of the bytes until it is told to go on.
    """

    def __init__(self, registry: Registry, data: bytes = DATA, name: RepositoryName = NAME) -> None:
        self._registry = registry
        self._data = data
        self._goes_on = threading.Event()
        self.has_begun = threading.Event()
        self.session = registry.uploads.start(name)

    def send(self) -> None:
        self.session = self._registry.uploads.append(self.session, self._chunks())

    def finish(self, digest: Digest | None = None) -> int:
        session = self._registry.uploads.get(self.session.repository, self.session.id)
        return self._registry.uploads.finish(session, digest or Digest.of(self._data))

    def go_on(self) -> None:
        self._goes_on.set()

    def _chunks(self) -> Iterator[bytes]:
        for number, piece in enumerate(pieces(self._data)):
            if number == 5:
                self.has_begun.set()
                assert self._goes_on.wait(SECONDS)
            yield piece


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def leader(registry: Registry, pool: ThreadPoolExecutor) -> Iterator[Client]:
    """Give a client in the middle of its bytes."""
    client = Client(registry)
    sending = pool.submit(client.send)
    assert client.has_begun.wait(SECONDS)
    yield client
    client.go_on()
    sending.result(SECONDS)


def send_at_once(client: Client) -> None:
    client.go_on()
    client.send()


def blob(registry: Registry, name: RepositoryName = NAME, digest: Digest = DIGEST) -> bytes:
    with registry.blobs.find(name, digest).open() as reader:
        return b"".join(reader)


def test_who_is_alone_sends_to_the_store(registry, driver, tmp_path):
    client = Client(registry)
    send_at_once(client)
    assert client.session.stored is None
    assert client.finish() == len(DATA)
    assert (driver.appended, driver.written) == (len(DATA), 0)
    assert blob(registry) == DATA
    assert list((tmp_path / "uploads").iterdir()) == []


@pytest.mark.usefixtures("_patient")
def test_who_sends_the_same_waits_for_the_first(registry, driver, pool):
    leader, *others = (Client(registry, name=name) for name in (NAME, NAME, OTHER, OTHER))
    first = pool.submit(leader.send)
    assert leader.has_begun.wait(SECONDS)
    sent = [pool.submit(send_at_once, other) for other in others]
    time.sleep(0.2)
    assert not any(map(Future.done, sent))
    leader.go_on()
    first.result(SECONDS)
    leader.finish()
    for done, other in zip(sent, others, strict=True):
        done.result(SECONDS)
        assert other.finish() == len(DATA)
    assert (driver.appended, driver.written) == (len(DATA), 0)
    assert blob(registry) == blob(registry, OTHER) == DATA


def test_a_slow_one_keeps_nobody(registry, driver, leader):
    other = Client(registry)
    send_at_once(other)
    assert other.session.stored == DIGEST
    assert other.finish() == len(DATA)
    assert blob(registry) == DATA
    assert (driver.appended, driver.written) == (0, len(DATA))


def test_of_many_that_have_waited_long_enough_one_is_stored(registry, driver, leader, pool):
    others = [Client(registry) for _ in range(6)]
    for sent in [pool.submit(send_at_once, other) for other in others]:
        sent.result(SECONDS)
    assert [other.finish() for other in others] == [len(DATA)] * 6
    assert (driver.appended, driver.written) == (0, len(DATA))


def test_what_is_not_in_a_repository_yet_is_not_seen_there(registry, leader):
    other = Client(registry, name=OTHER)
    send_at_once(other)
    assert not registry.blobs.has(OTHER, DIGEST)
    other.finish()
    assert registry.blobs.has(OTHER, DIGEST)
    assert not registry.blobs.has(NAME, DIGEST)


def test_what_begins_alike_and_goes_on_otherwise_is_kept_apart(registry, leader):
    data = DATA[:BEGINNING_BYTES] + b"other"
    other = Client(registry, data)
    send_at_once(other)
    other.finish()
    assert blob(registry, digest=Digest.of(data)) == data


def test_a_beginning_is_too_short_to_tell(registry, driver, pool):
    data = DATA[: BEGINNING_BYTES - 1]
    for _ in range(2):
        client = Client(registry, data)
        send_at_once(client)
        assert client.session.stored is None
        client.finish()
    assert blob(registry, digest=Digest.of(data)) == data


def test_another_digest_is_refused(registry, leader):
    other = Client(registry)
    send_at_once(other)
    with pytest.raises(DigestInvalid):
        other.finish(Digest.of(b"other"))
    with pytest.raises(BlobUploadUnknown):
        other.finish()
    assert not registry.blobs.has(NAME, DIGEST)


def test_another_algorithm_is_computed(registry, leader):
    other = Client(registry)
    send_at_once(other)
    digest = Digest.of(DATA, "sha512")
    assert other.finish(digest) == len(DATA)
    assert blob(registry, digest=digest) == DATA


@pytest.mark.parametrize("in_the_end", [True, False])
def test_more_bytes_may_follow(registry, leader, in_the_end):
    other = Client(registry)
    send_at_once(other)
    more = b"more"
    whole = Digest.of(DATA + more)
    session = other.session
    if in_the_end:
        assert registry.uploads.finish(session, whole, [more]) == len(DATA) + 4
    else:
        session = registry.uploads.append(session, [more], len(DATA))
        assert session.offset == len(DATA) + 4
        assert registry.uploads.finish(session, whole) == len(DATA) + 4
    assert blob(registry, digest=whole) == DATA + more


def test_who_says_where_bytes_begin_is_not_held(registry, leader):
    session = registry.uploads.append(registry.uploads.start(NAME), pieces(), 0)
    assert session.stored is None
    registry.uploads.finish(session, DIGEST)
    assert blob(registry) == DATA


def test_what_is_collected_before_the_end_is_sent_again(registry, driver, leader):
    other = Client(registry)
    send_at_once(other)
    driver.delete(layout.blob(DIGEST))
    with pytest.raises(BlobUploadUnknown):
        other.finish()


def test_what_came_of_a_body_that_was_cut_off_is_kept(registry, leader):
    def chunks():
        yield from list(pieces())[:5]
        raise SizeInvalid("cut off")

    session = registry.uploads.start(NAME)
    with pytest.raises(SizeInvalid):
        registry.uploads.append(session, chunks())
    session = registry.uploads.get(NAME, session.id)
    assert (session.offset, session.stored) == (5 * PIECE, None)
    session = registry.uploads.append(session, [DATA[5 * PIECE :]], 5 * PIECE)
    registry.uploads.finish(session, DIGEST)
    assert blob(registry) == DATA


def test_a_store_that_fails_fails_the_upload(registry, driver, leader, monkeypatch):
    def write(*_: object) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(driver, "write", write)
    other = Client(registry)
    with pytest.raises(Unavailable):
        send_at_once(other)
    monkeypatch.undo()
    assert registry.uploads.get(NAME, other.session.id).offset == 0


@pytest.mark.parametrize(
    "push",
    [
        lambda registry, data: registry.uploads.push(NAME, DIGEST, pieces(data)),
        lambda registry, data: registry.uploads.finish(
            registry.uploads.start(NAME), DIGEST, pieces(data)
        ),
    ],
    ids=["in one request", "in two"],
)
def test_whole_blobs_with_their_digest_are_stored_once_too(registry, driver, leader, push):
    push(registry, DATA)
    push(registry, DATA)
    assert driver.written == len(DATA)
    assert blob(registry) == DATA
    with pytest.raises(DigestInvalid):
        push(registry, DATA[:-1] + bytes([DATA[-1] ^ 1]))


def test_a_disk_without_room_sends_all_to_the_store(registry, leader, monkeypatch):
    monkeypatch.setattr(shared_uploads, "FREE_SHARE", 1.0)
    other = Client(registry)
    send_at_once(other)
    assert other.session.stored is None
    other.finish()
    assert blob(registry) == DATA


def test_of_what_is_very_large_all_is_sent_to_the_store(registry, leader, monkeypatch):
    monkeypatch.setattr(shared_uploads, "MOST_HELD_BYTES", len(DATA) - 1)
    other = Client(registry)
    send_at_once(other)
    assert other.session.stored is None
    other.finish()
    assert blob(registry) == DATA


def test_a_disk_that_fills_up_loses_no_byte(registry, leader, monkeypatch, tmp_path):
    """The third piece is written in part when there is no more room."""

    def open_full() -> object:
        return Full(tmp_path / "full")

    monkeypatch.setattr(registry.uploads._shared, "_open", open_full)
    other = Client(registry)
    send_at_once(other)
    assert other.session.stored is None
    other.finish()
    assert blob(registry) == DATA


class Full:
    """A file on a disk that has room for two pieces and a half."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)

    def write(self, data: bytes) -> int:
        room = 5 * PIECE // 2 - self._file.tell()
        if room <= 0:
            raise OSError(28, "No space left on device")
        return self._file.write(data[:room])

    def __getattr__(self, name: str) -> Callable:
        return getattr(self._file, name)


def test_a_directory_that_can_not_be_used_hinders_nobody(driver, tmp_path, caplog):
    (tmp_path / "file").touch()
    registry = Registry(driver, shared_uploads=SharedUploads(tmp_path / "file" / "uploads"))
    client = Client(registry)
    send_at_once(client)
    client.finish()
    assert blob(registry) == DATA
    assert "CACHE_BLOBS_PATH" in caplog.text


def test_a_turn_is_one_threads_alone(tmp_path):
    had, together = [], []

    def take(_number: int) -> None:
        turn = Turn(tmp_path / "turn")
        deadline = time.monotonic() + SECONDS
        while not turn.take():
            assert time.monotonic() < deadline
        had.append(1)
        together.append(len(had))
        had.pop()
        turn.give()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(400)))
    assert together == [1] * 400
    assert list(tmp_path.iterdir()) == []


def test_a_turn_that_is_given_back_or_was_never_taken(tmp_path):
    one, other = Turn(tmp_path / "turn"), Turn(tmp_path / "turn")
    other.give()
    assert one.take()
    assert one.take()
    assert not other.take()
    one.give()
    one.give()
    assert other.take()
    other.give()
