"""Signed tokens (RFC 7515, RFC 7519): read, and believed only when their signature is good.

What everybody must not get wrong is here, for our tokens and for others': the algorithms are those
that we allow, never those that the token would like; the key is one that we have, never one that
the token brings; what we don't understand but must is refused (RFC 8725).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import ExpiredTokenError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key
from joserfc.jws import CompactSignature, JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from docker_registry.errors import TokenInvalid

#: The longest token that is looked at, in characters. Servers take less in a header.
MAX_TOKEN = 16 * 1024
#: By how many seconds clocks may differ.
LEEWAY = 60
#: Ways to sign with a private key and verify with its public one. The others are no choice: whoever
#: can verify by HS256 can also sign, and ``none`` is what it says.
ALGORITHMS = frozenset(
    name
    for name, model in JWSRegistry.algorithms.items()
    if getattr(model, "key_type", "oct") in ("RSA", "EC", "OKP")
)
#: How keys sign unless they are told otherwise, by type and curve.
SIGNING = {
    "RSA": "RS256",
    "P-256": "ES256",
    "P-384": "ES384",
    "P-521": "ES512",
    "Ed25519": "EdDSA",
}

Header = Mapping[str, Any]


class _Allowed(JWSRegistry):
    """Algorithms that are allowed, and no others.

    joserfc warns of ``EdDSA``, since RFC 9864 has a name that says which curve; it is what issuers
    use, and a key has one curve.
    """

    max_header_length = MAX_TOKEN
    max_payload_length = MAX_TOKEN

    def __init__(self, algorithms: Collection[str]) -> None:
        # Other members of the header are none of our business (RFC 7515, 4).
        super().__init__(algorithms=algorithms, strict_check_header=False)
        self._names = frozenset(algorithms) & ALGORITHMS

    def get_alg(self, name: str) -> Any:
        """Give an algorithm; ``UnsupportedAlgorithmError`` if it isn't allowed."""
        if name not in self._names:
            raise UnsupportedAlgorithmError("the algorithm is not allowed")
        return self.algorithms[name]


@dataclass(frozen=True)
class Expected:
    """What a token has to say to be taken.

    :ivar issuer: the claim ``iss``.
    :ivar audience: what is in the claim ``aud``.
    :ivar algorithms: by which it may be signed.
    :ivar type: the header ``typ``; ``None`` if it doesn't matter.
    """

    issuer: str
    audience: str
    algorithms: Collection[str]
    type: str | None = None


class Token:
    """A token that was read, and may say anything.

    :ivar header: as it says; nothing in it is to be believed but the name of a key that we have.
    :ivar issuer: who has issued it, as it says; empty if it doesn't.
    """

    def __init__(self, text: str) -> None:
        self._signature = _read(text)
        self._claims = _object(self._signature.payload)
        self.header: Header = self._signature.headers()
        issuer = self._claims.get("iss")
        self.issuer = issuer if isinstance(issuer, str) else ""

    def verify(self, expected: Expected, key: Key) -> dict[str, Any]:
        """Give its claims, if it is what it should be, and good now.

        :param key: by which it must be signed.
        :raises TokenInvalid: it is not.
        """
        if "crit" in self.header or "b64" in self.header:
            raise TokenInvalid("the token asks for what is not known here")
        if expected.type is not None and self.header.get("typ") != expected.type:
            raise TokenInvalid("the token is of another kind")
        try:
            good = jws.validate_compact(
                self._signature, key, registry=_Allowed(expected.algorithms)
            )
            _claims(expected).validate(self._claims)
        except ExpiredTokenError as error:
            raise TokenInvalid("the token has expired: get another one") from error
        except JoseError as error:
            raise TokenInvalid(f"the token is not good: {error.description}") from error
        except (ValueError, TypeError, OverflowError) as error:
            raise TokenInvalid("the token is not good") from error
        if not good:
            raise TokenInvalid("the token is not good: its signature is wrong")
        return self._claims


def sign(header: Header, claims: Mapping[str, Any], key: Key) -> str:
    """Sign claims with a private key, by the algorithm of its type, and name the key."""
    algorithm = SIGNING[str(key.get("crv", key.key_type))]
    whole = {**header, "alg": algorithm, "kid": key.thumbprint()}
    payload = json.dumps(claims, separators=(",", ":"))
    return jws.serialize_compact(whole, payload, key, registry=_Allowed({algorithm}))


def _claims(expected: Expected) -> JWTClaimsRegistry:
    return JWTClaimsRegistry(
        leeway=LEEWAY,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.audience},
        exp={"essential": True},
    )


def _read(text: str) -> CompactSignature:
    if len(text) > MAX_TOKEN:
        raise TokenInvalid(f"the token has more than {MAX_TOKEN} characters")
    try:
        signature = jws.extract_compact(text.encode("ascii"), registry=_Allowed(ALGORITHMS))
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise TokenInvalid("the token can't be read") from error
    if not isinstance(signature.protected, dict):
        raise TokenInvalid("the header of the token is no object")
    return signature


def _object(payload: bytes) -> dict[str, Any]:
    try:
        claims = json.loads(payload, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise TokenInvalid("the claims of the token can't be read") from error
    if not isinstance(claims, dict):
        raise TokenInvalid("the claims of the token are no object")
    return claims


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a claim that is there twice, which readers would understand in two ways."""
    claims = dict(pairs)
    if len(claims) != len(pairs):
        raise ValueError("a claim is there twice")
    return claims


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")
