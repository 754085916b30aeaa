"""The server is killed at random instants of pushes; what it promised must be there afterwards."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from tests.conftest import ServerFactory
from tests.faults.client import (
    Client,
    check_registry,
    check_store,
    files_below,
    manifest_of,
    pieces,
)
from tests.images import digest_of
from tests.servers import RegistryServer

log = logging.getLogger(__name__)

#: How long the storm of kills goes on, in seconds, and how many kills there are at least.
SECONDS = 40
ROUNDS = 5
CLIENTS = 4
#: How long an index may take to learn from the storage what it missed in a crash, in seconds.
REPAIR_SECONDS = 60

REPOSITORY = "crash/shared"


class Pusher:
    """A client that knows, for every path that it changes, what may be found there.

    A request that was cut off may have been done or not; one that was answered has been done.

    :ivar may: digests (``None``: nothing) that may be found, by path in the repository.
    :ivar received: bytes that the registry said it has, by location of an unfinished upload.
    """

    def __init__(self, server: RegistryServer, number: int, seed: int) -> None:
        self.client = Client(server.url, REPOSITORY)
        self.number = number
        self.chance = random.Random(seed * CLIENTS + number)
        self.may: dict[str, set[str | None]] = {}
        self.uploads: dict[str, bytes] = {}
        self.received: dict[str, int] = {}
        self.images: dict[str, str] = {}
        self.loose: list[str] = []

    def push_until_killed(self) -> int:
        """Push and delete at random; give the number of requests that were answered."""
        steps: list[Callable[[], None]] = [
            *[self.push_blob, self.push_image] * 3,
            self.push_known_blob,
            self.begin_upload,
            self.go_on_with_upload,
            self.delete_tag,
            self.delete_image,
            self.delete_blob,
        ]
        done = 0
        while True:
            try:
                self.chance.choice(steps)()
            except requests.RequestException:
                return done
            done += 1

    def push_blob(self) -> None:
        data = self.chance.randbytes(self.chance.choice([100, 50_000, 2_000_000]))
        self.loose.append(self._push(data))

    def push_known_blob(self) -> None:
        """Push what all others push too: its bytes are replaced all the time."""
        self._push_known(self.chance.choice([b"", b"known to all" * 10_000]))

    def push_image(self) -> None:
        layer = self.chance.randbytes(2000)
        self._push_known(b"{}")
        self._push(layer)
        content = manifest_of(layer)
        digest = digest_of(content)
        # A tag that moves, and tags that stay.
        tag = f"t{self.number}-{self.chance.randrange(8)}"
        outcome: dict[str, str | None] = {
            f"manifests/{tag}": digest,
            f"manifests/{digest}": digest,
        }
        self._change(outcome, lambda: self.client.put_manifest(content, tag), 201)
        self.images[tag] = digest

    def delete_tag(self) -> None:
        if self.images:
            tag = self.chance.choice(list(self.images))
            del self.images[tag]
            path = f"manifests/{tag}"
            self._change({path: None}, lambda: self.client.delete(path), 202)

    def delete_image(self) -> None:
        if self.images:
            digest = self.chance.choice(list(self.images.values()))
            tags = [tag for tag, target in self.images.items() if target == digest]
            for tag in tags:
                del self.images[tag]
            path = f"manifests/{digest}"
            outcome = dict.fromkeys([path, *(f"manifests/{tag}" for tag in tags)])
            self._change(outcome, lambda: self.client.delete(path), 202)

    def delete_blob(self) -> None:
        if self.loose:
            path = f"blobs/{self.loose.pop(self.chance.randrange(len(self.loose)))}"
            if self.may[path] != {None} and None not in self.may[path]:
                self._change({path: None}, lambda: self.client.delete(path), 202)

    def begin_upload(self) -> None:
        """Begin an upload that stays unfinished for now."""
        started = self.client.start()
        assert started.status_code == 202, started.text
        location = started.headers["Location"]
        self.uploads[location] = self.chance.randbytes(300_000)
        self.received[location] = 0

    def go_on_with_upload(self) -> None:
        """Send some more of an unfinished upload, but not all."""
        for location, data in self.uploads.items():
            offset = self.received[location]
            if offset < len(data) // 2:
                body = pieces(data[offset : offset + 60_000], 10_000)
                answer = self.client.request("PATCH", location, data=body)
                assert answer.status_code == 202, answer.text
                self.received[location] = _received(answer)
                return

    def check(self) -> None:
        """Compare every path with what may be there, and remember what is there."""
        for path, allowed in self.may.items():
            found = self.client.digest_at(path)
            assert found in allowed, (path, found, allowed)
            self.may[path] = {found}
        self.images = {
            tag: digest
            for tag, digest in self.images.items()
            if self.may[f"manifests/{tag}"] == {digest}
        }

    def finish_uploads(self) -> None:
        """Go on with every unfinished upload from where the registry says that it is."""
        for location, data in list(self.uploads.items()):
            status = self.client.get(location)
            assert status.status_code == 204, status.text
            offset = _received(status)
            assert offset >= self.received[location], "bytes that were acknowledged are lost"
            if offset < len(data) // 2:
                grown = self.client.patch(location, data[offset : offset + 1000], offset)
                assert grown.status_code == 202, grown.text
                offset += 1000
            finished = self.client.finish(location, digest_of(data), data[offset:])
            assert finished.status_code == 201, finished.text
            assert self.client.digest_at(f"blobs/{digest_of(data)}") == digest_of(data)
            del self.uploads[location], self.received[location]

    def _push(self, data: bytes) -> str:
        digest = digest_of(data)
        way = self.chance.choice(self.client.ways())
        self._change({f"blobs/{digest}": digest}, lambda: way(data), 201)
        return digest

    def _push_known(self, data: bytes) -> None:
        # Others may be the first ones to push it, so that only success tells anything.
        answer = self.chance.choice(self.client.ways())(data)
        assert answer.status_code == 201, answer.text
        self.may[f"blobs/{digest_of(data)}"] = {digest_of(data)}

    def _change(
        self,
        outcome: dict[str, str | None],
        request: Callable[[], requests.Response],
        status: int,
    ) -> None:
        for path, digest in outcome.items():
            self.may.setdefault(path, {None}).add(digest)
        answer = request()
        assert answer.status_code == status, (outcome, answer.status_code, answer.text)
        for path, digest in outcome.items():
            self.may[path] = {digest}


def _received(answer: requests.Response) -> int:
    # Of no bytes at all it says 0-0; no upload here has one byte.
    last = int(answer.headers["Range"].removeprefix("0-"))
    return last + 1 if last else 0


def push_and_kill(server: RegistryServer, pushers: list[Pusher], seconds: float) -> int:
    """Let all push, and kill the server after some seconds; give the number of steps done."""
    with ThreadPoolExecutor(len(pushers)) as pool:
        running = [pool.submit(pusher.push_until_killed) for pusher in pushers]
        time.sleep(seconds)
        server.kill()
        return sum(future.result() for future in running)


def check_catalog(server: RegistryServer, pushers: list[Pusher]) -> None:
    """Check that what is listed is there; the catalog may come from an index that lags."""
    deadline = time.monotonic() + REPAIR_SECONDS
    expected = {
        path.removeprefix("manifests/"): digest
        for pusher in pushers
        for path, (digest,) in pusher.may.items()
        if path.startswith("manifests/t") and digest
    }
    # Without tags, the repository is listed or not, by what was cut off before its answer.
    right = [{REPOSITORY: expected}] if expected else [{}, {REPOSITORY: {}}]
    while (found := check_registry(server.url)) not in right:
        assert time.monotonic() < deadline, (found, expected)
        time.sleep(0.5)


def test_kills_at_random_instants_of_pushes(start_registry: ServerFactory) -> None:
    seed = int(os.environ.get("REGISTRY_TESTS_SEED") or random.randrange(2**32))
    # A warning, since pytest shows those when the test fails.
    log.warning("the storm of REGISTRY_TESTS_SEED=%d", seed)
    chance = random.Random(seed)
    server = start_registry()
    pushers = [Pusher(server, number, seed) for number in range(CLIENTS)]
    # What is checked below would be little if no one had come to push anything.
    pushers[0].push_image()
    end = time.monotonic() + SECONDS
    rounds = steps = 0
    try:
        while rounds < ROUNDS or time.monotonic() < end:
            steps += push_and_kill(server, pushers, chance.uniform(0.05, 1))
            check_store(server.store)
            server.start()
            for pusher in pushers:
                pusher.check()
                pusher.finish_uploads()
            check_catalog(server, pushers)
            rounds += 1
    finally:
        for pusher in pushers:
            pusher.client.session.close()
    paths = sum(len(pusher.may) for pusher in pushers)
    log.warning("%d kills, %d steps, %d paths", rounds, steps, paths)
    assert steps > rounds
    check_leftovers(server, rounds)


def check_leftovers(server: RegistryServer, kills: int) -> None:
    """Check that a kill leaves at most what each client was sending, and only for a day."""
    temporary = list(files_below(server.store / ".tmp"))
    # Of a request that is cut off there may be the file it wrote, and one it was replacing.
    assert len(temporary) <= kills * CLIENTS * 2
    server.stop()
    old = time.time() - 2 * 86400
    for path in (server.store / ".tmp").iterdir():
        os.utime(path, (old, old))
    server.start()
    assert list((server.store / ".tmp").iterdir()) == []
    server.stop()
    check_store(server.store)
    assert_only_known_places(server.store)


def assert_only_known_places(store: Path) -> None:
    """Check that no file lies where nothing would ever look for it."""
    for path in files_below(store / "docker/registry/v2"):
        inside = path.relative_to(store / "docker/registry/v2")
        assert path.name in ("data", "link", "session.json") or "_uploads" in inside.parts, inside
