"""``/v1/users/``: what ``docker login`` asks an index server for.

There are no accounts here: everybody is welcome, and who may come at all is for the proxy in front.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from docker_registry.api.errors import UNCACHED
from docker_registry.api.responses import EmptyResponse
from docker_registry.api.v1.answers import answer
from docker_registry.api.v1.body import read_json


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    blueprint.add_url_rule("/v1/users/", view_func=get_user, strict_slashes=False)
    blueprint.add_url_rule(
        "/v1/users/", view_func=create_user, methods=["POST"], strict_slashes=False
    )
    blueprint.add_url_rule(
        "/v1/users/<user>/", view_func=update_user, methods=["PUT"], strict_slashes=False
    )


def get_user() -> Response:
    """Take any credentials."""
    return answer("OK")


def create_user() -> Response:
    """Take note of nothing."""
    read_json("Error Decoding JSON")
    return answer("User Created", HTTPStatus.CREATED)


def update_user(user: str) -> Response:
    """Change nothing."""
    return EmptyResponse(status=HTTPStatus.NO_CONTENT, headers=UNCACHED)
