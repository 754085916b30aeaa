"""``/v1/users/``: what ``docker login`` asks an index server for.

Nobody becomes a user by it. Without authentication everybody is welcome, and who may come at all
is for the proxy in front. With it, ``GET`` is only answered here when the credentials are good.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from docker_registry.api.context import context
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
    """Say that the credentials are good."""
    return answer("OK")


def create_user() -> Response:
    """Take note of nothing.

    Docker 1.x asks this first. By these words, which it knows from Docker Hub, it goes on to log
    in; other words are an error to it.
    """
    read_json("Error Decoding JSON")
    if context().authority is not None:
        return answer("Username or email already exists", HTTPStatus.BAD_REQUEST)
    return answer("User Created", HTTPStatus.CREATED)


def update_user(user: str) -> Response:
    """Change nothing."""
    return EmptyResponse(status=HTTPStatus.NO_CONTENT, headers=UNCACHED)
