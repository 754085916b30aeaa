"""Pushing images where not everybody may have every image."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from docker_registry.drivers.base import Driver
from docker_registry.legacy import layout, owned_pushes
from docker_registry.legacy.checksums import payload_checksum
from docker_registry.legacy.errors import (
    ChecksumInvalid,
    ImageExists,
    ImageInvalid,
    ImageTaken,
    ImageUnknown,
)
from docker_registry.legacy.names import ImageId
from docker_registry.legacy.owned_pushes import OwnedPushes, Pusher
from docker_registry.legacy.store import LegacyStore
from tests.unit.legacy.conftest import image_id

X, Y = image_id(1), image_id(2)

Of = Callable[..., OwnedPushes]


def document(image: ImageId, parent: ImageId | None = None, **more: object) -> bytes:
    return json.dumps({"id": image, **({"parent": parent} if parent else {}), **more}).encode()


@pytest.fixture
def store(driver: Driver) -> LegacyStore:
    return LegacyStore(driver, 7 * 24 * 3600)


@pytest.fixture
def of(store: LegacyStore) -> Of:
    """Give the pushes of somebody, who may have what he has sent and ``seen``."""

    def of(key: str, *seen: ImageId) -> OwnedPushes:
        def may_pull(image: ImageId) -> bool:
            return image in seen or store.members.was_sent_by(image, key)

        return store.pushes_of(Pusher(key, may_pull))

    return of


def layer_of(store: LegacyStore) -> bytes:
    with store.images.layer(X) as layer:
        return b"".join(layer)


def push(pushes: OwnedPushes, content: bytes, layer: bytes) -> None:
    image = ImageId(json.loads(content)["id"])
    pushes.put_json(image, content)
    pushes.put_layer(image, [layer])
    pushes.complete(image, payload_checksum(content, [layer]))


def test_a_push(store: LegacyStore, of: Of) -> None:
    push(of("alice"), document(X), b"x")
    push(of("alice"), document(Y, X), b"y")
    assert store.images.is_complete(Y)
    assert store.members.was_sent_by(Y, "alice")
    assert not store.members.was_sent_by(Y, "bob")
    with pytest.raises(ImageExists):
        of("alice").put_json(X, document(X))
    with pytest.raises(ImageExists):
        of("alice").put_layer(X, [b"x"])
    with pytest.raises(ImageExists):
        of("alice").complete(X, "sha256:00")


def test_a_push_that_is_begun_anew_by_the_same(store: LegacyStore, of: Of) -> None:
    of("alice").put_json(X, document(X))
    of("alice").put_layer(X, [b"half"])
    push(of("alice"), document(X, author="alice"), b"whole")
    assert layer_of(store) == b"whole"


def test_a_parent_that_is_on_its_way(of: Of) -> None:
    of("alice").put_json(X, document(X))
    of("alice").put_json(Y, document(Y, X))
    with pytest.raises(ImageInvalid, match="non existing parent"):
        of("bob").put_json(image_id(3), document(image_id(3), X))


def test_a_push_of_somebody_else_is_left_alone(of: Of) -> None:
    of("alice").put_json(X, document(X))
    with pytest.raises(ImageTaken):
        of("bob").put_json(X, document(X))
    with pytest.raises(ImageTaken):
        of("bob").put_layer(X, [b"evil"])
    with pytest.raises(ImageTaken):
        of("bob").complete(X, "sha256:00")


def test_until_nothing_comes_of_it(
    store: LegacyStore, of: Of, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = of("alice"), of("bob")
    alice.put_json(X, document(X))
    alice.put_layer(X, [b"alice's"])
    later = time.time() + owned_pushes.IDLE_SECONDS + 1
    with monkeypatch.context() as patch:
        patch.setattr("docker_registry.legacy.owned_pushes.time.time", lambda: later)
        bob.put_json(X, document(X))
    # What alice sent doesn't become his, even if he knows its checksum.
    with pytest.raises(ChecksumInvalid):
        bob.complete(X, payload_checksum(document(X), [b"alice's"]))
    with pytest.raises(ImageUnknown):
        store.images.layer_size(X)
    with pytest.raises(ImageTaken):
        alice.put_layer(X, [b"alice's"])
    bob.put_layer(X, [b"bob's"])
    bob.complete(X, payload_checksum(document(X), [b"bob's"]))
    assert not store.members.was_sent_by(X, "alice")


def test_a_layer_that_ends_when_the_push_is_somebody_elses(
    store: LegacyStore, of: Of, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = of("alice"), of("bob")
    alice.put_json(X, document(X))

    def slow() -> Iterator[bytes]:
        yield b"alice's"
        later = time.time() + owned_pushes.IDLE_SECONDS + 1
        with monkeypatch.context() as patch:
            patch.setattr("docker_registry.legacy.owned_pushes.time.time", lambda: later)
            bob.put_json(X, document(X))

    with pytest.raises(ImageTaken):
        alice.put_layer(X, slow())
    with pytest.raises(ImageUnknown):
        store.images.layer_size(X)


def test_a_push_of_nobody_is_for_whoever_begins_it_anew(store: LegacyStore, of: Of) -> None:
    """As those are that were begun before there was authentication."""
    store.pushes.put_json(X, document(X))
    store.pushes.put_layer(X, [b"theirs"])
    with pytest.raises(ImageTaken):
        of("alice").complete(X, payload_checksum(document(X), [b"theirs"]))
    push(of("alice"), document(X), b"alice's")
    assert layer_of(store) == b"alice's"


def test_an_id_that_another_image_had(store: LegacyStore, driver: Driver, of: Of) -> None:
    push(of("alice"), document(X), b"old")
    driver.delete(layout.image(X))
    push(of("bob"), document(X), b"new")
    assert not store.members.was_sent_by(X, "alice")


class TestShowingThatOneHasAnImage:
    @pytest.fixture(autouse=True)
    def complete(self, of: Of) -> None:
        push(of("alice"), document(X), b"x")

    def test_all_of_it(self, store: LegacyStore, of: Of) -> None:
        push(of("bob"), document(X), b"x")
        assert store.members.was_sent_by(X, "bob")
        assert store.members.was_sent_by(X, "alice")
        assert layer_of(store) == b"x"

    def test_another_json(self, of: Of) -> None:
        with pytest.raises(ImageTaken):
            of("bob").put_json(X, document(X) + b" ")
        with pytest.raises(ImageUnknown):
            of("bob").put_layer(X, [b"x"])

    def test_another_layer(self, store: LegacyStore, of: Of) -> None:
        of("bob").put_json(X, document(X))
        with pytest.raises(ImageTaken):
            of("bob").put_layer(X, [b"y"])
        with pytest.raises(ImageUnknown):
            of("bob").complete(X, payload_checksum(document(X), [b"x"]))
        assert layer_of(store) == b"x"

    def test_the_json_of_somebody_else(self, of: Of) -> None:
        of("bob").put_json(X, document(X))
        with pytest.raises(ImageUnknown):
            of("eve").put_layer(X, [b"x"])

    def test_another_checksum(self, of: Of) -> None:
        of("bob").put_json(X, document(X))
        of("bob").put_layer(X, [b"x"])
        with pytest.raises(ImageExists):
            of("bob").complete(X, "sha256:00")

    def test_an_image_without_a_checksum(self, driver: Driver, of: Of) -> None:
        """As old versions left some: nothing can be shown."""
        driver.delete(layout.checksums(X))
        of("bob").put_json(X, document(X))
        with pytest.raises(ImageTaken):
            of("bob").put_layer(X, [b"x"])
