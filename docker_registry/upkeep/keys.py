"""Another key for signing tokens from time to time."""

from __future__ import annotations

from contextlib import suppress

from docker_registry.auth.keys import KeyStore
from docker_registry.errors import PathNotFound


class KeyRotation:
    """Makes a key when the newest is old enough, and removes those that have served their time."""

    name = "keys"

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    def run(self) -> None:
        """Do what is due."""
        keys = self._store.all()
        if self._store.needs_another(keys):
            self._store.add()
        for key in self._store.over(keys):
            # Another process may have been faster.
            with suppress(PathNotFound):
                self._store.remove(key.id)
