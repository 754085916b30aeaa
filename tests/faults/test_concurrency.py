"""Many clients at once: never a fault, never wrong content, and an end that an order explains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from threading import Event
from typing import Any

import pytest
import requests

from tests.faults.client import (
    Client,
    check_registry,
    check_repository,
    check_store,
    manifest_of,
    together,
)
from tests.images import digest_of, noise
from tests.servers import RegistryServer

ROUNDS = 15


class SteadyClient(Client):
    """A client that nothing may fail for by the registry's fault."""

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = super().request(method, path, **options)
        assert answer.status_code < 500, (method, path, answer.status_code, answer.text)
        return answer


ClientFactory = Callable[..., SteadyClient]


@pytest.fixture
def connect(registry: RegistryServer) -> Iterator[ClientFactory]:
    """Give clients, whose connections are closed after the test."""
    with ExitStack() as stack:
        yield lambda repository: stack.enter_context(SteadyClient(registry.url, repository))


@pytest.fixture(scope="module", autouse=True)
def store_is_sound(registry: RegistryServer) -> Iterator[None]:
    """Check the whole store when all storms of the module are over."""
    yield
    check_registry(registry.url)
    registry.stop()
    check_store(registry.store)


def push_manifests(client: Client, count: int, name: str) -> dict[str, bytes]:
    """Push images of one layer and give their manifests by digest."""
    layer = noise(name, 2000)
    for blob in (b"{}", layer):
        assert client.post(blob).status_code == 201
    manifests = [manifest_of(layer, f"{name} {n}") for n in range(count)]
    for manifest in manifests:
        assert client.put_manifest(manifest).status_code == 201
    return {digest_of(manifest): manifest for manifest in manifests}


def test_one_tag_moved_by_many(connect: ClientFactory) -> None:
    repository = "storm/one-tag"
    manifests = push_manifests(connect(repository), 4, "one tag")
    first = next(iter(manifests.values()))
    assert connect(repository).put_manifest(first, "latest").status_code == 201
    done = Event()

    def move(client: Client, manifest: bytes) -> None:
        for _ in range(ROUNDS):
            assert client.put_manifest(manifest, "latest").status_code == 201

    def read(client: Client) -> None:
        while not done.is_set():
            answer = client.get("manifests/latest")
            assert answer.status_code == 200
            assert answer.content == manifests[answer.headers["Docker-Content-Digest"]]
            assert client.tags() == ["latest"]
            assert repository in client.get("/v2/_catalog").json()["repositories"]

    def move_all() -> None:
        try:
            together(*(partial(move, connect(repository), m) for m in manifests.values()))
        finally:
            done.set()

    together(move_all, partial(read, connect(repository)), partial(read, connect(repository)))
    assert check_repository(connect(repository))["latest"] in manifests


def test_one_tag_moved_and_deleted_by_many(connect: ClientFactory) -> None:
    repository = "storm/tag-deletes"
    manifests = push_manifests(connect(repository), 3, "tag deletes")

    def move(client: Client, manifest: bytes) -> None:
        for _ in range(ROUNDS):
            assert client.put_manifest(manifest, "latest").status_code == 201

    def delete(client: Client) -> None:
        for _ in range(ROUNDS):
            assert client.delete("manifests/latest").status_code in (202, 404)

    def read(client: Client) -> None:
        for _ in range(ROUNDS):
            assert client.digest_at("manifests/latest") in {None, *manifests}
            assert client.tags() in ([], ["latest"])

    jobs = [partial(move, connect(repository), manifest) for manifest in manifests.values()]
    together(*jobs, *(partial(job, connect(repository)) for job in (delete, delete, read)))
    check_repository(connect(repository))
    # Nothing is left behind that would keep the tag from being used.
    manifest = next(iter(manifests.values()))
    assert connect(repository).put_manifest(manifest, "latest").status_code == 201
    assert check_repository(connect(repository)) == {"latest": digest_of(manifest)}
    assert connect(repository).delete("manifests/latest").status_code == 202
    assert connect(repository).tags() == []


def test_tags_of_many_clients_side_by_side(connect: ClientFactory) -> None:
    repository = "storm/many-tags"
    manifests = list(push_manifests(connect(repository), 2, "many tags").values())

    def work(client: Client, who: int) -> dict[str, str]:
        kept = {}
        for n in range(ROUNDS):
            tag, manifest = f"t{who}-{n}", manifests[n % 2]
            assert client.put_manifest(manifest, tag).status_code == 201
            assert tag in client.tags()
            if n % 3:
                assert client.delete(f"manifests/{tag}").status_code == 202
                assert client.get(f"manifests/{tag}").status_code == 404
                assert tag not in client.tags()
            else:
                kept[tag] = digest_of(manifest)
        return kept

    kept = together(*(partial(work, connect(repository), who) for who in range(5)))
    expected = {tag: digest for part in kept for tag, digest in part.items()}
    assert check_repository(connect(repository)) == expected


def test_the_same_blob_in_every_way_at_once(connect: ClientFactory) -> None:
    repositories = ["storm/same-blob", "storm/same-blob/too"]
    for n in range(ROUNDS // 3):
        data = noise(f"same blob {n}", 200_000)
        clients = [connect(name) for name in repositories]
        jobs = [partial(way, data) for name in repositories * 2 for way in connect(name).ways()]
        readers = [partial(client.digest_at, f"blobs/{digest_of(data)}") for client in clients]
        answers = together(*jobs, *readers)
        assert [answer.status_code for answer in answers[: len(jobs)]] == [201] * len(jobs)
        assert set(answers[len(jobs) :]) <= {None, digest_of(data)}
        for client in clients:
            assert client.digest_at(f"blobs/{digest_of(data)}") == digest_of(data)


def test_a_manifest_is_deleted_while_tags_are_put(connect: ClientFactory) -> None:
    repository = "storm/dangling"
    clients = [connect(repository) for _ in range(5)]
    for n in range(ROUNDS * 2):
        ((digest, manifest),) = push_manifests(clients[0], 1, f"dangling {n}").items()
        answers = together(
            partial(clients[0].put_manifest, manifest, f"a{n}"),
            partial(clients[1].put_manifest, manifest, f"b{n}"),
            partial(clients[2].put_manifest, manifest, "moving"),
            partial(clients[3].delete, f"manifests/{digest}"),
            partial(clients[4].delete, f"manifests/{digest}"),
        )
        assert [answer.status_code for answer in answers[:3]] == [201] * 3
        assert {answer.status_code for answer in answers[3:]} <= {202, 404}
        tags = check_repository(clients[0])
        assert set(tags) <= {"moving", f"a{n}", f"b{n}"}
        for tag in tags:
            assert clients[0].delete(f"manifests/{tag}").status_code == 202
        assert clients[0].tags() == []


def test_blobs_are_mounted_while_their_source_is_deleted(connect: ClientFactory) -> None:
    source, target = "storm/mount-source", "storm/mount-target"
    for n in range(ROUNDS):
        data = noise(f"mount {n}", 1000)
        digest = digest_of(data)
        assert connect(source).post(data).status_code == 201
        *mounts, _deleted, other = together(
            partial(connect(target).mount, digest, source),
            partial(connect(target).mount, digest, source),
            partial(connect(source).delete, f"blobs/{digest}"),
            partial(connect("storm/mount-other").mount, digest, target),
        )
        assert {answer.status_code for answer in (*mounts, other)} <= {201, 202}
        mounted = any(answer.status_code == 201 for answer in mounts)
        assert connect(target).digest_at(f"blobs/{digest}") == (digest if mounted else None)
        assert connect(source).digest_at(f"blobs/{digest}") is None
        for answer in mounts:
            if answer.status_code == 202:
                location = answer.headers["Location"]
                assert connect(target).finish(location, digest, data).status_code == 201


def test_two_chunks_for_the_same_place(connect: ClientFactory) -> None:
    repository = "storm/chunks"
    clients = [connect(repository), connect(repository)]
    for n in range(ROUNDS):
        location = clients[0].start().headers["Location"]
        head = noise(f"head {n}", 1000) if n % 2 else b""
        if head:
            assert clients[0].patch(location, head, 0).status_code == 202
        # Of different lengths, so that the offset tells whose bytes count.
        rivals = [noise(f"rival {n} {who}", 3000 + who) for who in range(2)]
        answers = together(
            *(
                partial(client.patch, location, rival, len(head))
                for client, rival in zip(clients, rivals, strict=True)
            )
        )
        statuses = {answer.status_code for answer in answers}
        assert 202 in statuses
        assert statuses <= {202, 416}
        received = int(clients[0].get(location).headers["Range"].removeprefix("0-")) + 1
        winner, loser = (head + rival for rival in rivals)
        if len(winner) != received:
            winner, loser = loser, winner
        assert len(winner) == received
        assert clients[1].finish(location, digest_of(winner)).status_code == 201
        assert clients[0].digest_at(f"blobs/{digest_of(winner)}") == digest_of(winner)
        assert clients[0].digest_at(f"blobs/{digest_of(loser)}") is None


@pytest.mark.parametrize("parts", [1, 2])
def test_an_upload_is_finished_twice_and_cancelled(connect: ClientFactory, parts: int) -> None:
    repository = "storm/finish"
    clients = [connect(repository) for _ in range(3)]
    for n in range(ROUNDS):
        data = noise(f"finish {parts} {n}", 100_000)
        location = clients[0].start().headers["Location"]
        for start in range(0, len(data), len(data) // parts):
            chunk = data[start : start + len(data) // parts]
            assert clients[0].patch(location, chunk, start).status_code == 202
        finish = [partial(client.finish, location, digest_of(data)) for client in clients[:2]]
        cancel = [partial(clients[2].delete, location)] if n % 2 else []
        statuses = [answer.status_code for answer in together(*finish, *cancel)]
        assert set(statuses[:2]) <= {201, 404}
        assert set(statuses[2:]) <= {204, 404}
        if not cancel:
            assert 201 in statuses
        there = clients[0].digest_at(f"blobs/{digest_of(data)}")
        assert there == (digest_of(data) if 201 in statuses else None)
        assert clients[0].get(location).status_code == 404


def test_a_repository_is_deleted_while_images_are_pushed(connect: ClientFactory) -> None:
    repository = "storm/repository"
    clients = [connect(repository) for _ in range(6)]
    for n in range(ROUNDS * 2):
        # One that is there already, so that only its manifest has to be pushed, and two new ones.
        known, *layers = (noise(f"repository {n} {who}", 1000) for who in range(3))
        assert clients[0].push_image(known, "known").status_code == 201
        pushes = together(
            partial(clients[0].put_manifest, manifest_of(known), "known"),
            partial(clients[1].put_manifest, manifest_of(known), "again"),
            partial(clients[2].push_image, layers[0], "new"),
            partial(clients[3].push_image, layers[1], "new"),
            partial(clients[4].delete, f"/v2/{repository}/"),
            partial(clients[5].get, "/v2/_catalog"),
        )[:4]
        assert {answer.status_code for answer in pushes} <= {201, 404}
        assert set(check_repository(clients[0])) <= {"known", "again", "new"}
    assert clients[0].push_image(known, "after").status_code == 201
    assert check_repository(clients[0])["after"] == digest_of(manifest_of(known))
