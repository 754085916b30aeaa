"""The headers by which an index server sends clients to registries, with tokens for them."""

from __future__ import annotations

import secrets
import string
from urllib.parse import urlsplit

from flask import request

from docker_registry.api.access import access as current_access
from docker_registry.api.context import context
from docker_registry.api.index_tokens import sign, write_token
from docker_registry.legacy.names import RepositoryName

_CHARACTERS = string.ascii_uppercase + string.digits


def index_headers(name: RepositoryName, access: str) -> dict[str, str]:
    """Give the headers of an answer about a repository.

    Clients insist on a token. Where nobody is asked who he is, and where there are none for the
    name, it is good for nothing.

    :param access: ``read``, ``write`` or ``delete``.
    """
    authority = context().authority
    signature = sign(authority, current_access(), name, access) if authority else None
    token = write_token(name, access, signature or _signature_of_nothing())
    return {
        "X-Docker-Endpoints": ", ".join(_endpoints()),
        "X-Docker-Token": token,
        "WWW-Authenticate": token,
    }


def _signature_of_nothing() -> str:
    return "".join(secrets.choice(_CHARACTERS) for _ in range(16))


def _endpoints() -> list[str]:
    settings = context().settings
    public = urlsplit(settings.public_url or "").netloc
    return settings.registry_endpoints or [public or request.host]
