"""Repositories: what an index server knows of them, their properties, and their end."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from docker_registry.api.context import context
from docker_registry.api.errors import UNCACHED
from docker_registry.api.responses import EmptyResponse
from docker_registry.api.v1.answers import answer, done
from docker_registry.api.v1.body import read_json
from docker_registry.api.v1.tokens import index_headers
from docker_registry.api.write_once import require_admin_for
from docker_registry.legacy.errors import BodyInvalid
from docker_registry.legacy.names import RepositoryName
from docker_registry.registry.names import RepositoryName as TodaysName


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    path = "/v1/repositories/<path:repository>"
    for address, view, method in (
        (f"{path}/", put_repository, "PUT"),
        (f"{path}/", delete_repository, "DELETE"),
        (f"{path}/images", get_images, "GET"),
        (f"{path}/images", put_images, "PUT"),
        (f"{path}/images", delete_images, "DELETE"),
        (f"{path}/auth", put_auth, "PUT"),
        (f"{path}/json", get_repository_json, "GET"),
        (f"{path}/properties", get_properties, "GET"),
        (f"{path}/properties", put_properties, "PUT"),
    ):
        # With or without a slash at the end: a redirect would make other requests of some.
        blueprint.add_url_rule(address, view_func=view, methods=[method], strict_slashes=False)


def put_repository(repository: RepositoryName) -> Response:
    """Take note of the images that are about to be pushed."""
    context().legacy.index.add_images(repository, read_json("Error Decoding JSON"))
    return answer("", headers=index_headers(repository, "write"))


def delete_repository(repository: RepositoryName) -> Response:
    """Remove a repository with its tags."""
    legacy = context().legacy
    require_admin_for(TodaysName(repository.listed), legacy.tags.written_once(repository))
    legacy.repositories.delete(repository)
    return done()


def get_images(repository: RepositoryName) -> Response:
    """Give the images that were ever pushed."""
    images = context().legacy.index.images(repository)
    return answer(images, headers=index_headers(repository, "read"))


def put_images(repository: RepositoryName) -> Response:
    """Take note of the images that have been pushed."""
    context().legacy.index.add_images(repository, read_json("Error Decoding JSON"))
    return _nothing(index_headers(repository, "write"))


def delete_images(repository: RepositoryName) -> Response:
    """Let a client that is about to delete the repository go on."""
    return _nothing(index_headers(repository, "delete"))


def put_auth(repository: RepositoryName) -> Response:
    """Let everybody in."""
    return answer("OK")


def get_repository_json(repository: RepositoryName) -> Response:
    """Tell what is known of the push of the tag ``latest``."""
    return answer(context().legacy.tags.push_of_latest(repository))


def get_properties(repository: RepositoryName) -> Response:
    """Tell whether a repository is marked private."""
    private = context().legacy.index.is_private(repository)
    return answer({"access": "private" if private else "public"})


def put_properties(repository: RepositoryName) -> Response:
    """Mark a repository private, or public."""
    index = context().legacy.index
    said = read_json("Invalid data")
    access = said.get("access") if isinstance(said, dict) else None
    if access == "private":
        index.set_private(repository)
    elif access == "public":
        index.set_public(repository)
    else:
        raise BodyInvalid("Invalid data", {"expected": {"access": "private, or public"}})
    return done()


def _nothing(headers: dict[str, str]) -> Response:
    return EmptyResponse(status=HTTPStatus.NO_CONTENT, headers={**UNCACHED, **headers})
