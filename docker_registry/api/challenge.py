"""What a client is told that has to say who it is: ``WWW-Authenticate`` (RFC 9110, 11.6.1)."""

from __future__ import annotations

from flask import g, request
from werkzeug.http import quote_header_value

from docker_registry.api.context import context
from docker_registry.auth import tokens
from docker_registry.errors import InsufficientScope, RegistryError, TokenInvalid

REALM = "docker-registry"


def challenge(error: RegistryError) -> str:
    """Give the value of the header for a request that was refused."""
    if not _by_token():
        return f'Basic realm="{REALM}", charset="UTF-8"'
    parameters = {"realm": token_url(), "service": service(), "scope": " ".join(_scopes())}
    # RFC 6750, 3.1.
    if isinstance(error, InsufficientScope):
        parameters["error"] = "insufficient_scope"
    elif isinstance(error, TokenInvalid):
        parameters["error"] = "invalid_token"
    return "Bearer " + ",".join(
        f"{name}={quote_header_value(value, allow_token=False)}"
        for name, value in parameters.items()
        if value
    )


def require_scopes(*scopes: str) -> None:
    """Note what a token for this request has to be for."""
    g.scopes = (*_scopes(), *scopes)


def _by_token() -> bool:
    """Tell whether it is a token that is missing; to get one takes a password."""
    if request.blueprint == "token" or _is_old_client():
        return False
    authority = context().authority
    return authority is not None and authority.bearers is not None


def _is_old_client() -> bool:
    """Tell whether this is a client of V1, which can get no such token, but may have a password."""
    given = request.authorization
    has_token = given is not None and given.type == "bearer"
    return request.blueprint == "v1" and not has_token and context().settings.auth != ["token"]


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
    return tokens.service(settings)
