"""Keys as joserfc has them, made of those of ``cryptography``; and how they are named."""

from __future__ import annotations

import base64
import hashlib
import textwrap

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

MIN_RSA_BITS = 2048
_CURVES = {"secp256r1", "secp384r1", "secp521r1"}
USABLE = (
    f"Ed25519, RSA of {MIN_RSA_BITS} bits or more, or on one of the curves P-256, P-384 and P-521"
)
#: How many bytes of a hash libtrust takes.
_LIBTRUST_BYTES = 30


def of(native: object) -> Key:
    """Make a key of a public or private one of ``cryptography``.

    :raises ValueError: it is of a kind, or so short, that it can't be used.
    """
    if isinstance(native, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        if native.key_size >= MIN_RSA_BITS:
            return RSAKey.import_key(native)
    elif isinstance(native, ed25519.Ed25519PrivateKey | ed25519.Ed25519PublicKey):
        return OKPKey.import_key(native)
    elif (
        isinstance(native, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey)
        and native.curve.name in _CURVES
    ):
        return ECKey.import_key(native)
    raise ValueError(f"a key should be {USABLE}")


def libtrust_id(key: Key) -> str:
    """Give the fingerprint by which registry:2 and its token servers name a key.

    It is the first 240 bits of the SHA-256 of the public key in DER, in base32, in groups of four
    characters between colons (libtrust's ``keyIDFromCryptoKey``).
    """
    public = key.public_key
    assert not isinstance(public, bytes)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(der).digest()[:_LIBTRUST_BYTES]).decode()
    return ":".join(textwrap.wrap(text, 4))
