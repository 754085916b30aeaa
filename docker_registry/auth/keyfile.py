"""Keys that sign tokens, from a file of the operator's."""

from __future__ import annotations

import re
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from docker_registry.auth.jws import SIGNING
from docker_registry.auth.keys import SigningKeys
from docker_registry.errors import ConfigError

_KEY = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)
MIN_RSA_BITS = 2048


class FileKeys(SigningKeys):
    """The private keys of a PEM file: the first signs, all verify. It is read once.

    :raises ConfigError: the file can't be read, or holds something else.
    """

    def __init__(self, path: str) -> None:
        try:
            blocks = [match[0] for match in _KEY.finditer(Path(path).read_bytes())]
        except OSError as error:
            raise _wrong(path, error.strerror or str(error)) from error
        if not blocks:
            raise _wrong(path, "it has no private key")
        keys = [_read(path, block) for block in blocks]
        self._first = keys[0]
        self._keys = {key.thumbprint(): key for key in keys}

    def signing(self) -> Key:
        """Give the first one."""
        return self._first

    def find(self, key_id: str) -> Key | None:
        """Give one of them."""
        return self._keys.get(key_id)


def _read(path: str, block: bytes) -> Key:
    try:
        private = load_pem_private_key(block, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Not the text of the error, which might quote the key.
        raise _wrong(path, "a key in it is damaged, encrypted or of an unknown kind") from None
    if isinstance(private, RSAPrivateKey) and private.key_size >= MIN_RSA_BITS:
        return RSAKey.import_key(private)
    if isinstance(private, Ed25519PrivateKey):
        return OKPKey.import_key(private)
    if isinstance(private, EllipticCurvePrivateKey):
        key = ECKey.import_key(private)
        if key.curve_name in SIGNING:
            return key
    raise _wrong(
        path,
        f"a key in it is neither Ed25519, nor RSA of {MIN_RSA_BITS} bits or more, "
        "nor on one of the curves P-256, P-384 and P-521",
    )


def _wrong(path: str, why: str) -> ConfigError:
    return ConfigError(
        f"tokens.signing_key (TOKENS_SIGNING_KEY) is {path}: {why}. "
        "`openssl genpkey -algorithm ed25519` makes a key"
    )
