"""Deleting a repository: not in the specification, and asked for by everybody's users."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from docker_registry.api.context import context
from docker_registry.api.responses import EmptyResponse
from docker_registry.api.write_once import require_admin_for
from docker_registry.registry.names import RepositoryName


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    blueprint.add_url_rule("/<path:repository>/", view_func=delete_repository, methods=["DELETE"])


def delete_repository(repository: RepositoryName) -> Response:
    """Remove a repository with its tags and manifests; those below its name stay."""
    registry = context().registry
    require_admin_for(repository, registry.tags.written_once(repository))
    registry.repositories.delete(repository)
    return EmptyResponse(status=HTTPStatus.ACCEPTED)
