"""Tokens for V1's clients: longer-lived than others, since a push gets no other one in between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from docker_registry.auth.access import Scope
from docker_registry.auth.identity import Identity


class Verified(Protocol):
    """What a good token says."""

    identity: Identity
    scopes: tuple[Scope, ...]


class IndexTokens(Protocol):
    """Issues such tokens, and reads them."""

    def issue(self, identity: Identity, scopes: Sequence[Scope]) -> str:
        """Give a token."""

    def read(self, text: str) -> Verified:
        """Give what a token says; ``Unauthorized`` if it isn't good."""
