"""Tokens of our own: access tokens, sent with each request, and refresh tokens, kept by clients.

Both are signed and hold everything that has to be known, so that any worker on any node can read
them. What an access token is for is only an upper bound: the rules are asked at each request.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from docker_registry.auth.access import Scope
from docker_registry.auth.bearer import TokenReader, Verified
from docker_registry.auth.identity import Identity
from docker_registry.auth.jws import LEEWAY, SIGNING, Expected, Token, sign
from docker_registry.auth.keys import SigningKeys
from docker_registry.errors import TokenInvalid

#: Kinds of tokens, in the header ``typ`` (RFC 8725, 3.11): one can't be used for the other.
ACCESS = "at+jwt"
REFRESH = "refresh+jwt"
#: The claim that holds the identity.
_IDENTITY = "identity"


class IssuedTokens(TokenReader):
    """Issues tokens, and reads them.

    :cvar kind: of the tokens that come with requests.
    :ivar keys: by which they are signed.
    :param service: the name of this registry, in the claims ``iss`` and ``aud``.
    :param seconds: for which an access token is good.
    :param refresh_seconds: for which a refresh token is good; 0, and there are none.
    """

    kind: ClassVar[str] = ACCESS

    def __init__(self, keys: SigningKeys, service: str, seconds: int, refresh_seconds: int) -> None:
        self.issuer = service
        self.seconds = seconds
        self.refresh_seconds = refresh_seconds
        self.keys = keys

    def issue(self, identity: Identity, scopes: Iterable[Scope]) -> str:
        """Give an access token.

        :raises StorageError: there is no key yet, and the storage can't be asked.
        """
        access = [
            {"type": scope.type, "name": scope.name, "actions": sorted(scope.actions)}
            for scope in scopes
        ]
        who = {**identity.to_claims(), "stamp": ""}
        return self._sign(self.kind, identity, self.seconds, {"access": access, _IDENTITY: who})

    def issue_refresh(self, identity: Identity) -> str:
        """Give a refresh token. Raises ``StorageError`` likewise."""
        who = {_IDENTITY: identity.to_claims()}
        return self._sign(REFRESH, identity, self.refresh_seconds, who)

    def verify(self, token: Token) -> Verified:
        """Give what an access token says.

        :raises TokenInvalid: it is not good.
        :raises StorageError: no key is known, and the storage can't be asked.
        """
        return self._verify(token, self.kind)

    def trusts(self, verified: Verified) -> bool:
        """Tell whether the key is still there: what it has signed goes with it."""
        return self.keys.find(str(verified.basis)) is not None

    def read_refresh(self, text: str) -> Identity:
        """Give who got a refresh token, as he was then. Raises as ``verify`` does."""
        return self._verify(Token(text), REFRESH).identity

    def _sign(self, kind: str, identity: Identity, seconds: int, claims: Mapping[str, Any]) -> str:
        now = int(time.time())
        common = {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": identity.key,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "jti": secrets.token_urlsafe(12),
        }
        return sign({"typ": kind}, {**common, **claims}, self.keys.signing())

    def _verify(self, token: Token, kind: str) -> Verified:
        expected = Expected(self.issuer, self.issuer, frozenset(SIGNING.values()), kind)
        key_id = token.header.get("kid")
        key = self.keys.find(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise TokenInvalid("the token is signed by a key that is not known here")
        claims = token.verify(expected, key)
        try:
            identity = Identity.from_claims(claims[_IDENTITY])
            scopes = tuple(
                Scope(one["type"], one["name"], frozenset(one["actions"]))
                for one in claims.get("access", ())
            )
        except (KeyError, TypeError) as error:
            raise TokenInvalid("the token is of another version: get another one") from error
        return Verified(self.issuer, identity, scopes, key_id, claims["exp"] + LEEWAY)
