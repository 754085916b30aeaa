"""Which tokens there are, by the settings."""

from __future__ import annotations

from docker_registry.auth.bearer import BearerTokens, TokenReader
from docker_registry.auth.index_tokens import INDEX_SECONDS, IndexTokens
from docker_registry.auth.issued import IssuedTokens
from docker_registry.auth.issuer import OutsideIssuer
from docker_registry.auth.jws import LEEWAY
from docker_registry.auth.keyfile import FileKeys
from docker_registry.auth.keys import KeyStore, StoredKeys
from docker_registry.config import Settings
from docker_registry.drivers.base import Driver
from docker_registry.errors import ConfigError

#: The name of a registry in tokens, where the settings say none.
SERVICE = "docker-registry"


def issued(settings: Settings, driver: Driver) -> IssuedTokens | None:
    """Give the tokens of our own; ``None`` if all clients use passwords, or tokens of others.

    :raises ConfigError: the file with the keys can't be used.
    """
    if not _are_issued(settings):
        return None
    path = settings.tokens.signing_key
    return IssuedTokens(
        FileKeys(path) if path else StoredKeys(key_store(settings, driver)),
        service(settings),
        settings.tokens.seconds,
        settings.tokens.refresh_seconds,
    )


def of_index(ours: IssuedTokens | None) -> IndexTokens | None:
    """Give the tokens of V1, which are signed likewise; ``None`` if there are none of our own."""
    return IndexTokens(ours.keys, ours.issuer, INDEX_SECONDS, 0) if ours else None


def bearers(settings: Settings, ours: IssuedTokens | None) -> BearerTokens | None:
    """Give what reads tokens: ours, and those of somebody else.

    :raises ConfigError: what says who that is can't be used.
    """
    readers: list[TokenReader] = [ours] if ours else []
    if "token" in settings.auth:
        readers.append(OutsideIssuer(settings.auth_token))
    if len({reader.issuer for reader in readers}) < len(readers):
        raise ConfigError(
            "auth_token.name (AUTH_TOKEN_NAME) is the name of this registry in its own tokens: set "
            "tokens.service (TOKENS_SERVICE) to another one"
        )
    return BearerTokens(readers) if readers else None


def key_store(settings: Settings, driver: Driver) -> KeyStore:
    """Give the keys in the storage."""
    tokens = settings.tokens
    longest = max(tokens.seconds, tokens.refresh_seconds, INDEX_SECONDS)
    return KeyStore(driver, settings.tokens.rotate_seconds, longest + LEEWAY)


def service(settings: Settings) -> str:
    """Give the name of this registry in tokens of its own."""
    return settings.tokens.service or SERVICE


def keys_are_stored(settings: Settings) -> bool:
    """Tell whether there are tokens of our own, signed by keys in the storage."""
    return _are_issued(settings) and not settings.tokens.signing_key


def _are_issued(settings: Settings) -> bool:
    # Who has only tokens of others brings no password to get one of ours.
    return settings.tokens.enabled and bool(set(settings.auth) - {"token"})
