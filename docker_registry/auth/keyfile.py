"""Keys that sign tokens, from a file of the operator's."""

from __future__ import annotations

import re
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import Key

from docker_registry.auth import jwk
from docker_registry.auth.keys import SigningKeys
from docker_registry.errors import ConfigError

_KEY = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)


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
    try:
        return jwk.of(private)
    except ValueError as error:
        raise _wrong(path, str(error)) from None


def _wrong(path: str, why: str) -> ConfigError:
    return ConfigError(
        f"tokens.signing_key (TOKENS_SIGNING_KEY) is {path}: {why}. "
        "`openssl genpkey -algorithm ed25519` makes a key"
    )
