"""What a client is told that has to say who it is: ``WWW-Authenticate`` (RFC 9110, 11.6.1)."""

from __future__ import annotations

from flask import g, request

from docker_registry.api.context import context
from docker_registry.errors import InsufficientScope, RegistryError

REALM = "docker-registry"


def challenge(error: RegistryError) -> str:
    """Give the value of the header for a request that was refused."""
    settings = context().settings
    if not settings.tokens.enabled or _wants_a_password():
        return f'Basic realm="{REALM}", charset="UTF-8"'
    parameters = {"realm": token_url(), "service": service(), "scope": " ".join(_scopes())}
    if isinstance(error, InsufficientScope):
        parameters["error"] = "insufficient_scope"
    return "Bearer " + ",".join(f'{name}="{value}"' for name, value in parameters.items() if value)


def _wants_a_password() -> bool:
    """Whether this is a client of V1, which knows no way to get a token, and can log in here."""
    given = request.authorization
    return (
        request.blueprint == "v1"
        and (given is None or given.type != "bearer")
        and bool(context().settings.auth != ["token"])
    )


def require_scopes(*scopes: str) -> None:
    """Note what a token for this request has to be for."""
    g.scopes = (*_scopes(), *scopes)


def _scopes() -> tuple[str, ...]:
    scopes: tuple[str, ...] = g.get("scopes", ())
    return scopes


def token_url() -> str:
    """Give the URL where clients get tokens."""
    settings = context().settings
    if "token" in settings.auth and settings.auth_token.realm:
        return settings.auth_token.realm
    base = settings.public_url or f"{request.scheme}://{request.host}{request.script_root}"
    return f"{base}{settings.url_prefix if not settings.public_url else ''}/auth/token"


def service() -> str:
    """Give the name of this registry in tokens."""
    settings = context().settings
    if "token" in settings.auth and settings.auth_token.service:
        return settings.auth_token.service
    return settings.tokens.service or REALM
