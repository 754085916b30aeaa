"""OCI Distribution 1.1 and Docker Registry HTTP API V2: one module a resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from docker_registry.api.v2 import (
    base,
    blobs,
    catalog,
    manifests,
    referrers,
    repositories,
    tags,
    uploads,
)
from docker_registry.registry.names import (
    Digest,
    RepositoryName,
    UploadId,
    parse_reference,
)

#: How each variable of a route is read: the one place where names in paths become types.
_READERS: dict[str, Callable[[str], Any]] = {
    "repository": RepositoryName.parse,
    "reference": parse_reference,
    "digest": Digest.parse,
    "upload": UploadId.parse,
}


def create_blueprint() -> Blueprint:
    """Make the blueprint with every route below ``/v2/``."""
    blueprint = Blueprint("v2", __name__, url_prefix="/v2")
    blueprint.url_value_preprocessor(_read_names)
    blueprint.after_app_request(_name_the_api)
    for resource in (base, blobs, catalog, manifests, referrers, repositories, tags, uploads):
        resource.add_routes(blueprint)
    return blueprint


def _read_names(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    for name in values or {}:
        values[name] = _READERS[name](values[name])  # type: ignore[index]


def _name_the_api(response: Response) -> Response:
    # Docker looks for it on /v2/ before it speaks V2 at all.
    response.headers["Docker-Distribution-API-Version"] = "registry/2.0"
    return response
