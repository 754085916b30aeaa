"""docker-registry 0.9's API: one module a resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from docker_registry.api.v1 import (
    images,
    layers,
    repositories,
    search,
    service,
    tags,
    users,
)
from docker_registry.legacy.names import ImageId, RepositoryName, Tag

#: The version of V1 that is spoken here. The oldest clients take what doesn't tell one for no
#: registry.
VERSION = "0.9.1"

#: How each variable of a route is read: the one place where names in paths become types.
_READERS: dict[str, Callable[[str], Any]] = {
    "repository": RepositoryName.parse,
    "image": ImageId.parse,
    "tag": Tag.parse,
    "user": str,
}


def create_blueprint() -> Blueprint:
    """Make the blueprint with every route of the V1 API."""
    blueprint = Blueprint("v1", __name__)
    blueprint.url_value_preprocessor(_read_names)
    blueprint.after_request(_name_the_version)
    for resource in (service, users, images, layers, repositories, tags, search):
        resource.add_routes(blueprint)
    return blueprint


def _read_names(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    for name in values or {}:
        values[name] = _READERS[name](values[name])  # type: ignore[index]


def _name_the_version(response: Response) -> Response:
    response.headers["X-Docker-Registry-Version"] = VERSION
    return response
