"""Tokens that somebody else issues for this registry: the token alone says what it is for."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from joserfc.jwk import Key

from docker_registry.auth import trust
from docker_registry.auth.access import Scope
from docker_registry.auth.bearer import TokenReader, Verified
from docker_registry.auth.identity import ANONYMOUS, Identity
from docker_registry.auth.jws import ALGORITHMS, LEEWAY, Expected, Token
from docker_registry.auth.snapshot import Snapshot
from docker_registry.auth.trust import TrustedKeys
from docker_registry.config.auth import Issuer
from docker_registry.errors import ConfigError, IdentityUnavailable, TokenInvalid

#: What identities of such tokens have as their method.
METHOD = "token"
#: Seconds between two looks into a file, and into what is fetched.
FILE_SECONDS, FETCH_SECONDS = 5, 600
#: Seconds between two tries to get what can't be read, or to find a key that is not known.
PAUSE = 30
#: For how many seconds the issuer is waited for: to connect, and to say something.
TIMEOUT = (3.05, 5)
#: The longest key set that is fetched, in bytes.
MAX_BYTES = 512 * 1024


class OutsideIssuer(TokenReader):
    """Somebody who issues tokens, and the keys of his that are trusted.

    Files are read at the start, and again when they change; what is at a URL is fetched when it is
    first needed.

    :raises ConfigError: a setting is missing or can't be used.
    """

    def __init__(self, settings: Issuer) -> None:
        self._service = _needed(settings, "service")
        self._algorithms = frozenset(settings.algorithms)
        self.issuer = _needed(settings, "name")
        _needed(settings, "realm")
        if not self._algorithms or self._algorithms - ALGORITHMS:
            raise ConfigError(
                "auth_token.algorithms (AUTH_TOKEN_ALGORITHMS) should be some of "
                + ", ".join(sorted(ALGORITHMS))
            )
        self._sources = list(_sources(settings))
        if not self._sources:
            raise ConfigError(
                "auth (AUTH) has token, and nothing says which keys its issuer has: set "
                "auth_token.certificates (AUTH_TOKEN_CERTIFICATES) or "
                "auth_token.jwks (AUTH_TOKEN_JWKS)"
            )

    def verify(self, token: Token) -> Verified:
        """Give what a token says.

        :raises TokenInvalid: it isn't good.
        :raises IdentityUnavailable: the keys could never be fetched yet.
        """
        basis = self._basis()
        expected = Expected(self.issuer, self._service, self._algorithms)
        claims = token.verify(expected, self._find(token))
        user = claims.get("sub") or ""
        identity = Identity(METHOD, user) if user else ANONYMOUS
        scopes = tuple(_scopes(claims.get("access") or []))
        return Verified(self.issuer, identity, scopes, basis, claims["exp"] + LEEWAY)

    def trusts(self, verified: Verified) -> bool:
        """Tell whether the keys are those of then."""
        return verified.basis == self._basis()

    def _basis(self) -> tuple[TrustedKeys, ...]:
        return tuple(source.get() for source in self._sources)

    def _find(self, token: Token) -> Key:
        chain, key_id = token.header.get("x5c"), token.header.get("kid")
        if chain and (bundle := self._bundle()):
            return bundle.chain_key(chain if isinstance(chain, list) else [])
        if key_id is None:
            found = trust.only_key(self._basis())
        else:
            found = next(self._named(str(key_id)), None)
        if found is None:
            raise TokenInvalid("the token is signed by a key that is not trusted here")
        return found

    def _named(self, key_id: str) -> Iterator[Key]:
        for look in (Snapshot.get, Snapshot.again):
            for source in self._sources:
                key = look(source).find(key_id)
                if key is not None:
                    yield key

    def _bundle(self) -> TrustedKeys | None:
        return next((one for one in self._basis() if one.vouches), None)


def _sources(settings: Issuer) -> Iterator[Snapshot[TrustedKeys]]:
    if settings.certificates:
        yield _file("certificates", settings.certificates, trust.read_pem)
    if settings.jwks and "://" not in settings.jwks:
        yield _file("jwks", settings.jwks, trust.read_jwks)
    elif settings.jwks:
        _check_url(settings.jwks)
        yield Snapshot(
            f"what is at {settings.jwks}",
            _fetcher(settings.jwks),
            IdentityUnavailable,
            FETCH_SECONDS,
            PAUSE,
        )


def _file(key: str, path: str, parse: Callable[[bytes], TrustedKeys]) -> Snapshot[TrustedKeys]:
    """Give what is in a file, which must be good now."""
    read = _Unchanged(lambda: Path(path).read_bytes(), parse)
    try:
        read()
    except (OSError, ValueError) as error:
        name = f"auth_token.{key} (AUTH_TOKEN_{key.upper()})"
        raise ConfigError(f"{name} is {path}, which can't be used: {error}") from error
    return Snapshot(path, read, (OSError, ValueError), FILE_SECONDS, PAUSE)


def _fetcher(url: str) -> Callable[[], TrustedKeys]:
    read = _Unchanged(lambda: _fetch(url), trust.read_jwks)

    def fetch() -> TrustedKeys:
        try:
            return read()
        except (requests.RequestException, ValueError) as error:
            raise IdentityUnavailable(
                "the keys of the issuer of tokens can't be fetched now: try again later"
            ) from error

    return fetch


class _Unchanged:
    """Makes the same of the same bytes, so that what was found good by it stays so."""

    def __init__(self, read: Callable[[], bytes], parse: Callable[[bytes], TrustedKeys]) -> None:
        self._read = read
        self._parse = parse
        self._last: tuple[bytes, TrustedKeys] | None = None

    def __call__(self) -> TrustedKeys:
        content = self._read()
        last = self._last
        if last is None or last[0] != content:
            self._last = last = (content, self._parse(content))
        return last[1]


def _fetch(url: str) -> bytes:
    # Whom an answer sends us to is not whom the operator trusts.
    with requests.get(url, timeout=TIMEOUT, allow_redirects=False, stream=True) as response:
        if response.status_code != requests.codes.ok:
            raise ValueError(f"{url} answers {response.status_code}")
        content = b""
        for chunk in response.iter_content(16 * 1024):
            content += chunk
            if len(content) > MAX_BYTES:
                raise ValueError(f"{url} gives more than {MAX_BYTES} bytes")
        return content


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.hostname and "@" not in parts.netloc:
        if parts.scheme == "https":
            return
        if parts.scheme == "http" and _is_loopback(parts.hostname):
            return
    raise ConfigError(
        "auth_token.jwks (AUTH_TOKEN_JWKS) should be a file, or a URL such as "
        "https://issuer.example.org/jwks; without TLS only on this machine"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _needed(settings: Issuer, key: str) -> str:
    value = getattr(settings, key)
    if not value:
        raise ConfigError(
            f"auth (AUTH) has token: set auth_token.{key} (AUTH_TOKEN_{key.upper()}) as well"
        )
    return str(value)


def _scopes(access: Any) -> Iterator[Scope]:
    try:
        for one in access:
            actions = one["actions"] or []
            if not isinstance(actions, list):
                raise TypeError("actions are no list")
            yield Scope(str(one["type"]), str(one["name"]), frozenset(map(str, actions)))
    except (KeyError, TypeError) as error:
        raise TokenInvalid("the claim access of the token can't be read") from error
