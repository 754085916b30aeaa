"""Tokens of our own for V1's clients.

They are good for longer than others, since a client gets one before a push or a pull, and no other
one until it is done. But each is for one repository only.
"""

from __future__ import annotations

from typing import ClassVar

from docker_registry.auth.issued import IssuedTokens

#: For how long one is good, in seconds. A request that has begun goes on.
INDEX_SECONDS = 2 * 3600


class IndexTokens(IssuedTokens):
    """Issues such tokens, and reads them: no other ones, which can't be used for these, either."""

    kind: ClassVar[str] = "index+jwt"
