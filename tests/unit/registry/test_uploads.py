import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import BlobUploadUnknown, DigestInvalid, RangeInvalid
from docker_registry.registry import Registry, layout
from docker_registry.registry.names import Digest, RepositoryName

NAME = RepositoryName("team/app")


def content(registry: Registry, digest: Digest) -> bytes:
    with registry.blobs.find(NAME, digest).open() as reader:
        return b"".join(reader)


def cut(*chunks: bytes):
    yield from chunks
    raise ConnectionError("the client is gone")


@given(
    st.lists(st.lists(st.binary(max_size=20), max_size=3), max_size=4),
    st.lists(st.binary(max_size=20), max_size=2),
    st.sampled_from(["sha256", "sha512"]),
    st.sampled_from(["sha256", "sha512"]),
)
def test_any_way_of_cutting(appends, last, begun, finished):
    """Each append is another process's, which knows only what is stored."""
    driver = MemoryDriver()
    session = Registry(driver).uploads.start(NAME, begun)
    for chunks in appends:
        uploads = Registry(driver).uploads
        uploads.append(uploads.get(NAME, session.id), chunks)
    data = b"".join(b"".join(chunks) for chunks in [*appends, last])
    digest = Digest.of(data, finished)
    registry = Registry(driver)
    stored = registry.uploads.get(NAME, session.id)
    assert registry.uploads.finish(stored, digest, last) == len(data)
    assert content(registry, digest) == data
    assert driver.list(layout.uploads(NAME)) == []


def test_the_usual_push_is_hashed_once(registry, monkeypatch):
    seen = []

    class Spy:
        def __init__(self, name, *data):
            self._real = real(name, *data)
            self.name = self._real.name

        def update(self, data):
            seen.append(bytes(data))
            self._real.update(data)

        def hexdigest(self):
            return self._real.hexdigest()

    real = hashlib.new
    monkeypatch.setattr(hashlib, "new", Spy)
    session = registry.uploads.start(NAME)
    registry.uploads.append(session, [b"one", b"two"])
    registry.uploads.finish(registry.uploads.get(NAME, session.id), Digest.of(b"onetwo"))
    registry.uploads.push(NAME, Digest.of(b"three"), [b"three"])
    assert seen == [b"one", b"two", b"three"]


def test_what_came_before_a_cut_is_kept(registry):
    session = registry.uploads.start(NAME)
    with pytest.raises(ConnectionError):
        registry.uploads.append(session, cut(b"one", b"two"))
    session = registry.uploads.get(NAME, session.id)
    assert session.offset == 6
    with pytest.raises(ConnectionError):
        registry.uploads.finish(session, Digest.of(b"onetwothree"), cut(b"thr"))
    session = registry.uploads.get(NAME, session.id)
    assert session.offset == 9
    registry.uploads.finish(session, Digest.of(b"onetwothree"), [b"ee"])
    assert content(registry, Digest.of(b"onetwothree")) == b"onetwothree"


def test_a_single_push_that_is_cut_leaves_nothing(registry):
    with pytest.raises(ConnectionError):
        registry.uploads.push(NAME, Digest.of(b"one"), cut(b"one"))
    assert registry.driver.list(layout.uploads(NAME)) == []
    assert not registry.blobs.has(NAME, Digest.of(b"one"))


def test_offsets(registry):
    session = registry.uploads.append(registry.uploads.start(NAME), [b"one"], 0)
    for wrong in (0, 2, 4):
        with pytest.raises(RangeInvalid):
            registry.uploads.append(session, [b"two"], wrong)
        with pytest.raises(RangeInvalid):
            registry.uploads.finish(session, Digest.of(b"onetwo"), [b"two"], wrong)
    registry.uploads.finish(session, Digest.of(b"onetwo"), [b"two"], 3)


def test_two_appends_to_one_state_do_not_mix(registry):
    session = registry.uploads.append(registry.uploads.start(NAME), [b"base-"])
    one = registry.uploads.append(session, [b"one"])
    two = registry.uploads.append(session, [b"two"])
    registry.uploads.finish(one, Digest.of(b"base-one"))
    assert content(registry, Digest.of(b"base-one")) == b"base-one"
    with pytest.raises(BlobUploadUnknown):
        registry.uploads.finish(two, Digest.of(b"base-two"))


def test_a_wrong_digest_drops_the_session(registry):
    session = registry.uploads.append(registry.uploads.start(NAME), [b"one"])
    with pytest.raises(DigestInvalid):
        registry.uploads.finish(session, Digest.of(b"two"))
    with pytest.raises(BlobUploadUnknown):
        registry.uploads.get(NAME, session.id)
    assert not registry.driver.list(layout.BLOBS)


@pytest.mark.parametrize("record", [b"", b"{}", b"[]", b'{"offset": "x"}', b"\xff"])
def test_an_unreadable_record_is_no_session(registry, record):
    session = registry.uploads.start(NAME)
    registry.driver.put_content(layout.upload_session(NAME, session.id), record)
    with pytest.raises(BlobUploadUnknown):
        registry.uploads.get(NAME, session.id)


def test_a_session_is_found_by_its_owner_alone(registry: Registry) -> None:
    session = registry.uploads.start(NAME, owner="htpasswd:alice")
    grown = registry.uploads.append(session, [b"one"])
    assert grown.owner == "htpasswd:alice"
    assert registry.uploads.get_own(NAME, session.id, "htpasswd:alice").offset == 3
    for other in ("", "htpasswd:bob", "keystone:alice", "htpasswd:alice "):
        with pytest.raises(BlobUploadUnknown):
            registry.uploads.get_own(NAME, session.id, other)
    # The purge asks for none.
    assert registry.uploads.get(NAME, session.id).owner == "htpasswd:alice"


def test_a_record_without_an_owner_is_nobody_s(registry: Registry) -> None:
    session = registry.uploads.start(NAME)
    path = layout.upload_session(NAME, session.id)
    record = json.loads(registry.driver.get_content(path))
    del record["owner"]
    registry.driver.put_content(path, json.dumps(record).encode())
    assert registry.uploads.get_own(NAME, session.id, "").owner == ""
    with pytest.raises(BlobUploadUnknown):
        registry.uploads.get_own(NAME, session.id, "htpasswd:alice")
