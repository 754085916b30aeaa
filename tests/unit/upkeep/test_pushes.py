import time

import pytest

from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import Unavailable
from docker_registry.legacy import layout
from docker_registry.legacy.errors import ImageExists
from docker_registry.legacy.names import ImageId
from docker_registry.legacy.store import LegacyStore
from docker_registry.upkeep.pushes import PushPurge

A, B, C = (ImageId.parse(f"{number:064x}") for number in (10, 11, 12))


@pytest.fixture
def store():
    return LegacyStore(MemoryDriver(), max_age=0.1)


def begin(store, image):
    store.pushes.put_json(image, document(image))
    store.pushes.put_layer(image, [b"layer"])


def document(image):
    return f'{{"id": "{image}"}}'.encode()


def complete(store, image):
    store.pushes.complete(image, store.images.checksums(image)[0])


def paths(store, directory=""):
    for name in store.driver.iterate(directory):
        path = f"{directory}/{name}".lstrip("/")
        below = list(paths(store, path))
        yield from below or [path]


def test_only_what_was_given_up_is_removed(store):
    for image in (A, B):
        begin(store, image)
    complete(store, B)
    assert list(PushPurge(store).due()) == []
    time.sleep(0.2)
    begin(store, C)
    purge = PushPurge(store)
    assert list(purge.due()) == [A]
    assert purge.run() == 1
    assert list(store.images.iterate()) == [B, C]
    assert not any(A in path for path in paths(store))
    complete(store, C)
    assert store.driver.list(layout.PUSHES) == []


def test_a_push_begun_anew_is_not_removed(store):
    begin(store, A)
    time.sleep(0.2)
    store.pushes.put_json(A, document(A))
    assert not store.pushes.purge(A)
    complete(store, A)
    assert store.images.is_complete(A)


def test_a_push_is_not_begun_anew_while_it_is_removed(store):
    begin(store, A)
    store.driver.put_content(layout.push_purge(A), b"")
    with pytest.raises(Unavailable):
        store.pushes.put_json(A, document(A))


def test_a_push_that_took_long_is_not_completed_while_it_is_removed(store):
    begin(store, A)
    time.sleep(0.2)
    store.driver.put_content(layout.push_purge(A), b"")
    with pytest.raises(Unavailable):
        complete(store, A)
    store.driver.delete(layout.push_purge(A))
    # From now on it is young again.
    complete(store, A)
    assert store.images.is_complete(A)
    assert list(PushPurge(store).due()) == []


def test_what_a_crash_left_of_a_complete_image_is_no_reason_to_remove_it(store):
    begin(store, A)
    store.driver.delete(layout.in_progress(A))
    store.driver.put_content(layout.push_parts(A, "part") + "/0", b"")
    time.sleep(0.2)
    assert PushPurge(store).run() == 1
    assert store.images.is_complete(A)
    assert store.driver.list(layout.PUSHES) == []


def test_a_removal_that_was_cut_off_is_done_again(store, monkeypatch):
    begin(store, A)
    time.sleep(0.2)
    delete = store.driver.delete

    def cut_off(path):
        delete(path)
        raise KeyboardInterrupt

    monkeypatch.setattr(store.driver, "delete", cut_off)
    with pytest.raises(KeyboardInterrupt):
        store.pushes.purge(A)
    monkeypatch.undo()
    assert not store.images.is_complete(A)
    assert PushPurge(store).run() == 1
    assert list(paths(store)) == []


def test_an_image_completed_just_before_it_is_begun_anew(store, monkeypatch):
    begin(store, A)
    monkeypatch.setattr(store.images, "is_in_progress", lambda image: True)
    store.driver.delete(layout.in_progress(A))
    with pytest.raises(ImageExists):
        store.pushes.put_json(A, document(A))
    monkeypatch.undo()
    assert store.images.is_complete(A)
