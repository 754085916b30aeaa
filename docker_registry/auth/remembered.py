"""Passwords that were found good a short while ago, so that not every request is slow.

Finding a password good takes a tenth of a second of bcrypt, or a call to another service, and
clients without tokens send it with each request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from docker_registry.auth.identity import Identity
from docker_registry.auth.method import Password

#: How many logins a process remembers unless told otherwise.
ENTRIES = 4096


class Remembered:
    """Who logged in by which password, least recently found good first out.

    It belongs to this process and is only a shortcut: without it, the same answer takes longer.
    Passwords are not kept, but a keyed hash of each, whose key is random and of this process. Safe
    to use from many threads. A method that can tell sooner that a password is no longer good
    compares the stamp of what it gets::

        identity = self._remembered.get(password)
        if identity is not None and identity.stamp == self._stamp(password.user):
            return identity

    :param seconds: for which a login holds, from when it was found good; 0 remembers nothing.
    :param entries: how many to keep.
    :param clock: gives a time in seconds that never goes back.
    """

    def __init__(
        self,
        seconds: float,
        entries: int = ENTRIES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._entries = entries
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._identities: OrderedDict[bytes, tuple[Identity, float]] = OrderedDict()
        self._lock = Lock()

    def get(self, password: Password) -> Identity | None:
        """Give who logged in by a password, if that still holds."""
        name = self._name(password)
        with self._lock:
            identity, until = self._identities.get(name, (None, 0.0))
            if identity is not None and until <= self._clock():
                del self._identities[name]
                return None
        return identity

    def put(self, password: Password, identity: Identity) -> None:
        """Hold a login that was just found good."""
        if not self._seconds:
            return
        name = self._name(password)
        with self._lock:
            self._identities[name] = (identity, self._clock() + self._seconds)
            self._identities.move_to_end(name)
            if len(self._identities) > self._entries:
                self._identities.popitem(last=False)

    def drop(self, password: Password) -> None:
        """Forget a login that turned out to be no longer good."""
        with self._lock:
            self._identities.pop(self._name(password), None)

    def _name(self, password: Password) -> bytes:
        # The user's length keeps ("ab", "c") from being ("a", "bc").
        user, secret = (
            part.encode(errors="surrogatepass") for part in (password.user, password.secret)
        )
        message = len(user).to_bytes(8, "big") + user + secret
        return hmac.digest(self._key, message, hashlib.sha256)
