"""Keys of somebody else that are trusted: as certificates and keys in PEM, or as a JWK Set."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)
from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key

from docker_registry.auth import jwk
from docker_registry.errors import TokenInvalid

log = logging.getLogger(__name__)

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)
#: Types of keys that have a public half.
_TYPES = ("RSA", "EC", "OKP")
#: How many certificates a token may bring.
_MAX_CHAIN = 8


class TrustedKeys:
    """Keys, by the names that tokens may have for them; and certificates that vouch for others.

    :ivar keys: that sign tokens.
    """

    def __init__(self, keys: Sequence[Key], certificates: Sequence[x509.Certificate] = ()) -> None:
        self.keys = tuple(keys)
        self._certificates = tuple(certificates)
        self._by_id: dict[str, Key] = {}
        for key in keys:
            for name in (key.thumbprint(), jwk.libtrust_id(key), key.get("kid")):
                if isinstance(name, str):
                    self._by_id.setdefault(name, key)

    @property
    def vouches(self) -> bool:
        """Whether there are certificates."""
        return bool(self._certificates)

    def find(self, key_id: str) -> Key | None:
        """Give a key by its thumbprint (RFC 7638), libtrust's fingerprint, or the name it has."""
        return self._by_id.get(key_id)

    def chain_key(self, chain: Sequence[str]) -> Key:
        """Give the key of the certificate that a token was signed by (``x5c``, RFC 7515, 4.1.6).

        :param chain: the certificate, and those that lead from it to a trusted one, in base64.
        :raises TokenInvalid: they don't.
        """
        try:
            first, *others = [
                x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
                for text in chain[: _MAX_CHAIN + 1]
            ]
            if first not in self._certificates:
                self._verifier().verify(first, others)
            elif not first.not_valid_before_utc <= datetime.now(UTC) <= first.not_valid_after_utc:
                raise ValueError("it has expired, or is not valid yet")
            return jwk.of(first.public_key())
        except (
            binascii.Error,
            TypeError,
            ValueError,
            VerificationError,
            UnsupportedAlgorithm,
        ) as error:
            raise TokenInvalid("the certificate of the token is not trusted") from error

    def _verifier(self) -> Any:
        # The certificates of token servers are private ones: they name no host, and say little of
        # their use. That who signs a certificate may do so is what matters.
        issuers = ExtensionPolicy.permit_all().require_present(
            x509.BasicConstraints, Criticality.AGNOSTIC, _check_authority
        )
        issuers = issuers.may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _check_usage)
        return (
            PolicyBuilder()
            .store(Store(list(self._certificates)))
            .max_chain_depth(_MAX_CHAIN)
            .extension_policies(ca_policy=issuers, ee_policy=ExtensionPolicy.permit_all())
            .build_client_verifier()
        )


def read_pem(content: bytes) -> TrustedKeys:
    """Read certificates and public keys, and skip the rest. ``ValueError`` if there is none."""
    certificates, keys = [], []
    for match in _BLOCK.finditer(content):
        try:
            if match[1] == b"CERTIFICATE":
                certificates.append(x509.load_pem_x509_certificate(match[0]))
                keys.append(_key(certificates[-1].public_key()))
            elif match[1] in (b"PUBLIC KEY", b"RSA PUBLIC KEY"):
                keys.append(jwk.of(load_pem_public_key(match[0])))
        except UnsupportedAlgorithm as error:
            raise ValueError(str(error)) from error
    if not keys:
        raise ValueError("it has no certificate and no public key in PEM")
    return TrustedKeys([key for key in keys if key is not None], certificates)


def read_jwks(content: bytes) -> TrustedKeys:
    """Read a JSON Web Key Set (RFC 7517, 5). ``ValueError`` if it is none.

    Keys that can't be used are skipped: issuers add keys of new kinds.
    """
    try:
        listed = json.loads(content)["keys"]
        keys = [key for one in listed if (key := _of_jwk(one)) is not None]
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError("it is no JSON Web Key Set") from error
    if not keys:
        raise ValueError(f"it has no key that is {jwk.USABLE}")
    return TrustedKeys(keys)


def only_key(sets: Iterable[TrustedKeys]) -> Key | None:
    """Give the key of which tokens need not say which it is; ``None`` if there are several."""
    keys = [key for one in sets for key in one.keys]
    return keys[0] if len(keys) == 1 else None


def _key(native: object) -> Key | None:
    """Give the key of a certificate; those that only vouch for others may be of any kind."""
    try:
        return jwk.of(native)
    except ValueError:
        return None


def _of_jwk(given: dict[str, Any]) -> Key | None:
    try:
        if given.get("kty") not in _TYPES:
            raise ValueError("it is of another type")
        if given["kty"] == "RSA" and len(str(given.get("n"))) * 6 < jwk.MIN_RSA_BITS:
            # joserfc would warn, and take it.
            raise ValueError("it is too short")
        key = import_key(dict(given))
        jwk.of(key.public_key)
    except (JoseError, ValueError) as error:
        log.info("a key of a JSON Web Key Set is skipped: %s", error)
        return None
    return key


def _check_authority(
    _policy: Policy, _certificate: x509.Certificate, extension: x509.BasicConstraints
) -> None:
    if not extension.ca:
        raise ValueError("it may not issue certificates")


def _check_usage(
    _policy: Policy, _certificate: x509.Certificate, extension: x509.KeyUsage | None
) -> None:
    if extension is not None and not extension.key_cert_sign:
        raise ValueError("it may not issue certificates")
