"""``/v1/_ping``: the question whether this registry speaks V1, which search clients ask first."""

from __future__ import annotations

from flask import Blueprint, Response

from docker_registry.api.v1.answers import answer


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    blueprint.add_url_rule("/_ping", view_func=ping)
    blueprint.add_url_rule("/v1/_ping", view_func=ping, endpoint="v1_ping")


def ping() -> Response:
    """Say yes. Docker asks a registry that is not standalone for an index elsewhere."""
    response = answer({})
    response.headers["X-Docker-Registry-Standalone"] = "True"
    return response
