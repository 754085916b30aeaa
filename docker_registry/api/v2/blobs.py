"""Blobs: HEAD, GET (whole, or a range) and DELETE.

OCI distribution specification 1.1, "Pulling blobs" and "Deleting Blobs" (end-2, end-10).
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, request

from docker_registry.api.content import MAX_AGE, REDIRECT_SECONDS, send, send_by_nginx
from docker_registry.api.context import context
from docker_registry.api.responses import EmptyResponse
from docker_registry.registry.names import Digest, RepositoryName


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    path = "/<path:repository>/blobs/<digest>"
    blueprint.add_url_rule(path, view_func=get_blob)
    blueprint.add_url_rule(path, view_func=delete_blob, methods=["DELETE"])


def get_blob(repository: RepositoryName, digest: Digest) -> Response:
    """Give a blob, a part of it, or (for HEAD) what is known of it."""
    blobs, settings = context().registry.blobs, context().settings
    if request.if_none_match.contains_weak(digest):
        blobs.stat(repository, digest)
        return _describe(EmptyResponse(status=HTTPStatus.NOT_MODIFIED), digest)
    if settings.storage_redirect:
        address = blobs.redirect_url(repository, digest, request.method, REDIRECT_SECONDS)
        if address:
            return EmptyResponse(
                status=HTTPStatus.TEMPORARY_REDIRECT,
                headers={"Location": address, "Docker-Content-Digest": digest},
            )
    blob = blobs.find(repository, digest)
    if settings.nginx_x_accel_redirect and blobs.are_files and request.method != "HEAD":
        return _describe(send_by_nginx(blob, settings.nginx_x_accel_redirect), digest)
    return _describe(send(blob, digest), digest)


def delete_blob(repository: RepositoryName, digest: Digest) -> Response:
    """Take a blob out of a repository."""
    context().registry.blobs.delete(repository, digest)
    return EmptyResponse(status=HTTPStatus.ACCEPTED, headers={"Docker-Content-Digest": digest})


def _describe(response: Response, digest: Digest) -> Response:
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        return response
    response.set_etag(digest)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = f"max-age={MAX_AGE}"
    response.headers["Docker-Content-Digest"] = digest
    return response
