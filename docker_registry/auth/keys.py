"""The keys by which our tokens are signed, in the storage, where all workers and nodes find them.

Each key is an object of its own, named after its thumbprint, so that processes which make their
first key at once don't take each other's away: all keys in the storage verify. A new key signs only
when everybody has had the time to learn of it, and an old one stays as long as anything that it
has signed is good.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from joserfc.errors import JoseError
from joserfc.jwk import Key, OKPKey

from docker_registry.auth.snapshot import Snapshot
from docker_registry.drivers.base import Driver
from docker_registry.errors import AccessDenied, PathNotFound, StorageError
from docker_registry.registry import layout

log = logging.getLogger(__name__)

#: How often processes look what keys there are, in seconds.
LOOK_EVERY = 60
#: How old a key must be before it signs, in seconds, if there is another one: by then all know it.
PUBLISHED_AFTER = 2 * LOOK_EVERY
#: Seconds between two looks for keys that are not known.
PAUSE = 1
_SUFFIX = ".json"


@dataclass(frozen=True)
class StoredKey:
    """A key and its age.

    :ivar created: in seconds since the epoch.
    """

    id: str
    key: Key
    created: float


class SigningKeys(ABC):
    """Keys that sign tokens, and verify them. Safe to use from many threads."""

    @abstractmethod
    def signing(self) -> Key:
        """Give the key that signs now."""

    @abstractmethod
    def find(self, key_id: str) -> Key | None:
        """Give the key that has a thumbprint (RFC 7638); ``None`` if there is none."""


class KeyStore:
    """The keys in the storage, as they are there now.

    :param rotate_seconds: how old the newest key may get.
    :param keep_seconds: for how long what a key signs is good.
    """

    def __init__(self, driver: Driver, rotate_seconds: float, keep_seconds: float) -> None:
        self._driver = driver
        self._rotate_seconds = rotate_seconds
        self._keep_seconds = keep_seconds

    def all(self) -> list[StoredKey]:
        """Give the keys, the newest last. What can't be read is logged and left out."""
        ids = [
            name.removesuffix(_SUFFIX)
            for name in self._driver.iterate(layout.SIGNING_KEYS)
            if name.endswith(_SUFFIX)
        ]
        return in_order(found for key_id in ids if (found := self._load(key_id)) is not None)

    def add(self) -> StoredKey:
        """Make a key and store it."""
        key = OKPKey.generate_key("Ed25519")
        made = StoredKey(key.thumbprint(), key, time.time())
        record = {"created": made.created, "key": key.as_dict(private=True)}
        self._driver.put_private(layout.signing_key(made.id), json.dumps(record).encode())
        log.info("made the key %s for signing tokens", made.id)
        return made

    def remove(self, key_id: str) -> None:
        """Remove a key, so that what it has signed is no longer good; ``PathNotFound``."""
        self._driver.delete(layout.signing_key(key_id))
        log.info("removed the key %s for signing tokens", key_id)

    def needs_another(self, keys: Collection[StoredKey]) -> bool:
        """Tell whether the newest key is old enough for another one to be made."""
        newest = max((one.created for one in keys), default=0.0)
        return bool(keys) and time.time() - newest >= self._rotate_seconds

    def over(self, keys: Collection[StoredKey]) -> Iterator[StoredKey]:
        """Give those keys of which nothing that they have signed is still good."""
        ordered = in_order(keys)
        for old, new in pairwise(ordered):
            if time.time() - (new.created + PUBLISHED_AFTER) > self._keep_seconds:
                yield old

    def _load(self, key_id: str) -> StoredKey | None:
        path = layout.signing_key(key_id)
        try:
            record = json.loads(self._driver.get_content(path))
            key = OKPKey.import_key(record["key"])
            stored = StoredKey(key_id, key, float(record["created"]))
            if not key.is_private or key.thumbprint() != key_id:
                raise ValueError("it is another key than its name says")
        except PathNotFound:
            return None
        except AccessDenied as error:
            # Perhaps made by the command, as another user.
            log.error("a key for signing tokens can't be read: %s", error)
            return None
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            # Not the text of the error, which might quote the key.
            log.error("%s holds no key for signing tokens (%s)", path, type(error).__name__)
            return None
        return stored


class StoredKeys(SigningKeys):
    """The keys in the storage, as this process knows them."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._made: StoredKey | None = None
        self._known = Snapshot(
            "the keys for signing tokens", self._look, StorageError, LOOK_EVERY, PAUSE
        )

    def signing(self) -> Key:
        """Give the newest of the keys that all know; the first call of all makes one.

        :raises StorageError: the storage can't be asked, and no key is known.
        """
        return current(self._known.get().values() or self._first()).key

    def find(self, key_id: str) -> Key | None:
        """Give a key, which another process may have made just now.

        :raises StorageError: the storage can't be asked, and no key is known.
        """
        found = self._known.get().get(key_id) or self._known.again().get(key_id)
        return found.key if found else None

    def _first(self) -> Collection[StoredKey]:
        with self._lock:
            known = self._known.get().values()
            if known:
                return known
            self._made = made = self._store.add()
            # Others may have made theirs at the same time.
            return self._known.renew().values() or [made]

    def _look(self) -> Mapping[str, StoredKey]:
        known = {one.id: one for one in self._store.all()}
        made = self._made
        # Some storages list what is new only after a while.
        if made is not None and time.time() - made.created < PUBLISHED_AFTER:
            known.setdefault(made.id, made)
        return known


def in_order(keys: Iterable[StoredKey]) -> list[StoredKey]:
    """Give keys by their age, the newest last."""
    return sorted(keys, key=lambda one: (one.created, one.id))


def current(keys: Collection[StoredKey]) -> StoredKey:
    """Give the key that signs, of some: the newest that all know, or else the first of all."""
    ordered = in_order(keys)
    known = [one for one in ordered if time.time() - one.created >= PUBLISHED_AFTER]
    return known[-1] if known else ordered[0]
