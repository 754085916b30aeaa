"""Tokens that were found good, so that not every request costs the check of a signature."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from joserfc.jwk import Key

from docker_registry.auth.access import Scope
from docker_registry.auth.identity import Identity


@dataclass(frozen=True, slots=True)
class Verified:
    """What a good token says.

    :ivar key: what it was signed with: no longer good if the key isn't.
    :ivar until: when it expires, in seconds since the epoch.
    """

    identity: Identity
    scopes: tuple[Scope, ...]
    key: Key
    until: float


class VerifiedTokens:
    """What good tokens say, least recently found good first out. Safe to use from many threads.

    It belongs to this process, and is only a shortcut. Tokens are not kept, but a hash of each.

    :param entries: how many to keep.
    """

    def __init__(self, entries: int = 4096) -> None:
        self._entries = entries
        self._held: OrderedDict[bytes, Verified] = OrderedDict()
        self._lock = Lock()

    def get(self, token: str) -> Verified | None:
        """Give what a token says that was good, and has not expired."""
        held = self._held.get(_name(token))
        return held if held is not None and held.until > time.time() else None

    def put(self, token: str, verified: Verified) -> None:
        """Hold what a token says that is good."""
        with self._lock:
            self._held[_name(token)] = verified
            self._held.move_to_end(_name(token))
            if len(self._held) > self._entries:
                self._held.popitem(last=False)


def _name(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
