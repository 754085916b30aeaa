"""The headers by which an index server sends clients to registries, with tokens for them."""

from __future__ import annotations

import secrets
import string
from urllib.parse import quote_plus, urlsplit

from flask import request

from docker_registry.api.context import context
from docker_registry.legacy.names import RepositoryName

_CHARACTERS = string.ascii_uppercase + string.digits


def index_headers(name: RepositoryName, access: str) -> dict[str, str]:
    """Give the headers of an answer about a repository.

    The token is there for clients that insist on one: it is good for nothing, and nobody asks.

    :param access: ``read``, ``write`` or ``delete``.
    """
    signature = "".join(secrets.choice(_CHARACTERS) for _ in range(16))
    repository = f"{quote_plus(name.namespace)}/{quote_plus(name.repository)}"
    token = f'Token signature={signature},repository="{repository}",access={access}'
    return {
        "X-Docker-Endpoints": ", ".join(_endpoints()),
        "X-Docker-Token": token,
        "WWW-Authenticate": token,
    }


def _endpoints() -> list[str]:
    settings = context().settings
    public = urlsplit(settings.public_url or "").netloc
    return settings.registry_endpoints or [public or request.host]
