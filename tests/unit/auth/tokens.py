"""Tokens as an issuer signs them, and as somebody does who would like to be one."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import ECKey, Key, RSAKey
from joserfc.jws import JWSRegistry

ISSUER, SERVICE = "https://issuer.example.org", "registry.example.org"
#: Made once: an RSA key takes a while.
RSA = RSAKey.import_key(rsa.generate_private_key(65537, 2048))
OTHER_RSA = RSAKey.import_key(rsa.generate_private_key(65537, 2048))
EC = ECKey.import_key(ec.generate_private_key(ec.SECP256R1()))

ACCESS = [{"type": "repository", "name": "team/app", "actions": ["pull", "push"]}]


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {
        "iss": ISSUER,
        "aud": SERVICE,
        "sub": "alice",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "access": ACCESS,
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def token(key: Key = RSA, algorithm: str = "RS256", payload: Any = None, **header: Any) -> str:
    """Sign claims; ``kid=...`` (an ellipsis) leaves a member of the header out."""
    whole = {"typ": "JWT", "alg": algorithm, "kid": key.thumbprint(), **header}
    given = {name: value for name, value in whole.items() if value is not ...}
    content = payload if isinstance(payload, str) else json.dumps(payload or claims())
    text = f"{_encode(json.dumps(given).encode())}.{_encode(content.encode())}"
    # Without the checks that a library makes for honest people.
    signature = JWSRegistry.algorithms[algorithm].sign(text.encode(), key)
    return f"{text}.{_encode(signature)}"


def unsigned(payload: Any = None, algorithm: str = "none", **header: Any) -> str:
    parts = ({"alg": algorithm, **header}, payload or claims())
    return ".".join([*(_encode(json.dumps(part).encode()) for part in parts), ""])


def with_public_key_as_secret() -> str:
    """Give a token that is signed by HS256 with what everybody knows of an RSA key."""
    # joserfc would not sign with such a secret.
    signed = unsigned(algorithm="HS256", kid=RSA.thumbprint()).removesuffix(".")
    signature = hmac.digest(RSA.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{_encode(signature)}"


def tampered(text: str) -> str:
    """Give somebody more than the issuer did."""
    header, _, signature = text.split(".")
    more = [{"type": "repository", "name": "secret/app", "actions": ["pull"]}]
    return ".".join([header, _encode(json.dumps(claims(access=more)).encode()), signature])


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
