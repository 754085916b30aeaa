"""The keys that sign tokens, in the storage and in a file."""

from __future__ import annotations

import json
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from docker_registry.auth.bearer import BearerTokens
from docker_registry.auth.identity import Identity
from docker_registry.auth.issued import IssuedTokens
from docker_registry.auth.keyfile import FileKeys
from docker_registry.auth.keys import (
    LOOK_EVERY,
    PUBLISHED_AFTER,
    KeyStore,
    SigningKeys,
    StoredKeys,
)
from docker_registry.drivers.local import LocalDriver
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import ConfigError, TokenInvalid, Unavailable
from docker_registry.registry import layout
from docker_registry.upkeep.keys import KeyRotation

ROTATE, KEEP = 30 * 24 * 3600, 90 * 24 * 3600
ALICE = Identity("htpasswd", "alice", stamp="stamp")


class Counting(MemoryDriver):
    """Counts what is asked, and can be away."""

    asked = 0
    away = False

    def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
        self.asked += 1
        if self.away:
            raise Unavailable("away")
        return super().list(path, after, limit)


@pytest.fixture
def driver() -> Counting:
    return Counting()


@pytest.fixture
def store(driver: Counting) -> KeyStore:
    return KeyStore(driver, ROTATE, KEEP)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    monotonic, wall = time.monotonic(), time.time()

    def move(seconds: float) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: monotonic + seconds)
        monkeypatch.setattr(time, "time", lambda: wall + seconds)

    return move


def tokens(keys: SigningKeys) -> IssuedTokens:
    return IssuedTokens(keys, "registry", 300, 3600)


def test_nothing_is_asked_before_it_is_needed(store: KeyStore, driver: Counting) -> None:
    tokens(StoredKeys(store))
    assert driver.asked == 0
    assert store.all() == []


def test_a_common_set_whoever_begins(store: KeyStore) -> None:
    nodes = [StoredKeys(store) for _ in range(6)]
    barrier = threading.Barrier(len(nodes))
    signed: list[str] = []

    def begin(node: StoredKeys) -> None:
        barrier.wait()
        signed.append(tokens(node).issue(ALICE, []))

    threads = [threading.Thread(target=begin, args=[node]) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 <= len(store.all()) <= len(nodes)
    for node in [*nodes, StoredKeys(store)]:
        reader = BearerTokens([tokens(node)])
        assert {reader.read(text).identity.name for text in signed} == {"alice"}
    # From the next look on, all sign with one and the same.
    assert len({StoredKeys(store).signing().thumbprint() for _ in range(3)}) == 1


def test_two_that_have_seen_none_make_one_each(store: KeyStore) -> None:
    one, other = StoredKeys(store), StoredKeys(store)
    assert one.find("x") is None and other.find("x") is None
    first = one.signing().thumbprint()
    # The other one has looked a moment ago, and would not look again before its time; when it has
    # made its own, it sees both.
    assert other.signing().thumbprint() == first
    assert len(store.all()) == 2
    for key in store.all():
        assert other.find(key.id) is not None


def test_a_key_that_another_node_has_just_made(
    store: KeyStore, driver: Counting, later: Callable[[float], None]
) -> None:
    one, other = StoredKeys(store), StoredKeys(store)
    assert one.find("unknown") is None
    made = other.signing().thumbprint()
    later(2)
    assert one.find(made) is not None


def test_names_that_nobody_knows_cost_little(
    store: KeyStore, driver: Counting, later: Callable[[float], None]
) -> None:
    keys = StoredKeys(store)
    known = keys.signing().thumbprint()
    later(2)
    before = driver.asked
    for number in range(100):
        assert keys.find(f"random-{number}") is None
        assert keys.find("../../../../etc/passwd") is None
        assert keys.find(known) is not None
    assert driver.asked == before + 1


def test_a_new_key_signs_when_all_know_it(store: KeyStore, later: Callable[[float], None]) -> None:
    keys = StoredKeys(store)
    old = keys.signing().thumbprint()
    later(1000)
    new = store.add().id
    text = tokens(keys).issue(ALICE, [])

    later(1000 + PUBLISHED_AFTER - 1)
    assert StoredKeys(store).signing().thumbprint() == old
    later(1000 + PUBLISHED_AFTER + LOOK_EVERY)
    assert keys.signing().thumbprint() == new
    later(1200)
    assert BearerTokens([tokens(keys)]).read(text).identity.name == "alice"


def test_rotation(store: KeyStore, later: Callable[[float], None]) -> None:
    job = KeyRotation(store)
    job.run()
    assert store.all() == []
    first = StoredKeys(store).signing().thumbprint()
    job.run()
    assert [key.id for key in store.all()] == [first]

    later(ROTATE + 1)
    job.run()
    job.run()
    second = store.all()[-1].id
    assert [key.id for key in store.all()] == [first, second]

    # What was signed last by the first is good for a while yet.
    later(ROTATE + KEEP)
    job.run()
    assert first in [key.id for key in store.all()]
    later(ROTATE + 1 + PUBLISHED_AFTER + KEEP + 1)
    job.run()
    assert first not in [key.id for key in store.all()]
    assert second in [key.id for key in store.all()]


def test_what_a_removed_key_has_signed(store: KeyStore, later: Callable[[float], None]) -> None:
    keys = StoredKeys(store)
    text = tokens(keys).issue(ALICE, [])
    reader = BearerTokens([tokens(keys)])
    reader.read(text)

    store.remove(keys.signing().thumbprint())

    later(LOOK_EVERY + PUBLISHED_AFTER)
    with pytest.raises(TokenInvalid):
        reader.read(text)
    assert reader.read(tokens(keys).issue(ALICE, [])).identity.name == "alice"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"null",
        b"{}",
        b'{"created": "x", "key": {}}',
        b'{"created": 1, "key": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}}',
        b"[" * 100_000,
    ],
)
def test_damaged_keys_are_left_out(
    store: KeyStore, driver: Counting, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    driver.put_content(layout.signing_key("damaged"), content)
    driver.put_content(f"{layout.SIGNING_KEYS}/other", b"x")

    keys = StoredKeys(store)

    assert keys.find("damaged") is None
    assert keys.signing().thumbprint() == store.all()[0].id
    assert "holds no key" in caplog.text


def test_keys_of_another_name_or_without_their_private_half(
    store: KeyStore, driver: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    made = store.add()
    record = json.loads(driver.get_content(layout.signing_key(made.id)))
    driver.put_content(layout.signing_key("another"), json.dumps(record).encode())
    record["key"].pop("d")
    driver.put_content(layout.signing_key(made.id), json.dumps(record).encode())

    assert store.all() == []
    assert "another" in caplog.text and made.id in caplog.text


def test_while_the_storage_is_away(
    store: KeyStore, driver: Counting, later: Callable[[float], None]
) -> None:
    keys = StoredKeys(store)
    driver.away = True
    with pytest.raises(Unavailable):
        keys.signing()
    with pytest.raises(Unavailable):
        keys.find("x")
    driver.away = False
    later(2)
    known = keys.signing().thumbprint()

    driver.away = True
    later(LOOK_EVERY + 10)
    assert keys.signing().thumbprint() == known
    assert keys.find(known) is not None
    assert keys.find("x") is None


def test_files_are_private(tmp_path: Path) -> None:
    made = KeyStore(LocalDriver(tmp_path), ROTATE, KEEP).add()
    mode = (tmp_path / layout.signing_key(made.id)).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_private_half_is_in_no_log(store: KeyStore, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    made = store.add()
    secret = made.key.as_dict(private=True)["d"]
    assert str(secret) not in caplog.text
    assert str(secret) not in repr(made)


KINDS: list[Key] = [
    OKPKey.generate_key("Ed25519"),
    RSAKey.generate_key(2048),
    ECKey.generate_key("P-256"),
    ECKey.generate_key("P-384"),
    ECKey.generate_key("P-521"),
]


@pytest.mark.parametrize("key", KINDS, ids=lambda key: str(key.get("crv", "RSA")))
def test_keys_of_a_file(key: Key, tmp_path: Path) -> None:
    path = tmp_path / "keys.pem"
    older = OKPKey.generate_key("Ed25519")
    path.write_bytes(older.as_pem(private=True))
    old_text = tokens(FileKeys(str(path))).issue(ALICE, [])
    assert not isinstance(key.public_key, bytes)
    path.write_bytes(key.as_pem(private=True) + older.as_pem(private=True))  # type: ignore[union-attr]

    keys = FileKeys(str(path))
    reader = BearerTokens([tokens(keys)])

    assert keys.signing().thumbprint() == key.thumbprint()
    for text in (old_text, tokens(keys).issue(ALICE, [])):
        assert reader.read(text).identity.name == "alice"
    path.write_bytes(key.as_pem(private=True))  # type: ignore[union-attr]
    with pytest.raises(TokenInvalid):
        BearerTokens([tokens(FileKeys(str(path)))]).read(old_text)


def test_files_that_can_not_be_used(tmp_path: Path) -> None:
    native = rsa.generate_private_key(65537, 2048)
    pem, form = Encoding.PEM, PrivateFormat.PKCS8
    encrypted = native.private_bytes(pem, form, BestAvailableEncryption(b"secret"))
    good = KINDS[0]
    contents = {
        "none": None,
        "empty": b"",
        "public": good.as_pem(private=False),  # type: ignore[union-attr]
        "encrypted": encrypted,
        "damaged": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "other": ECKey.generate_key("secp256k1").as_pem(private=True),
        "second": good.as_pem(private=True)  # type: ignore[union-attr]
        + OKPKey.generate_key("X25519").as_pem(private=True),
    }
    for name, content in contents.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ConfigError, match="TOKENS_SIGNING_KEY"):
            FileKeys(str(path))
