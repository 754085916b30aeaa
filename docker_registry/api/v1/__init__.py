"""docker-registry 0.9's API, as far as today's clients use it: ping and search."""

from __future__ import annotations

from flask import Blueprint

from docker_registry.api.v1 import ping, search


def create_blueprint() -> Blueprint:
    """Make the blueprint with every route of the V1 API."""
    blueprint = Blueprint("v1", __name__)
    for resource in (ping, search):
        resource.add_routes(blueprint)
    return blueprint
