"""Images: their JSON, ancestry, checksum, files and changes."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from flask import Blueprint, Response, json, request

from docker_registry.api.access import images
from docker_registry.api.context import context
from docker_registry.api.responses import EmptyResponse
from docker_registry.api.v1.answers import cacheable, done
from docker_registry.api.v1.body import read_body
from docker_registry.drivers.base import Reader
from docker_registry.legacy.errors import ChecksumInvalid, ChecksumMissing, ImageUnknown
from docker_registry.legacy.names import ImageId

#: The header that Docker sends since 0.10, and the one that it sent before, with a tarsum.
PAYLOAD_CHECKSUM, CHECKSUM = "X-Docker-Checksum-Payload", "X-Docker-Checksum"


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    path = "/v1/images/<image>"
    blueprint.add_url_rule(f"{path}/json", view_func=get_image_json)
    blueprint.add_url_rule(f"{path}/json", view_func=put_image_json, methods=["PUT"])
    blueprint.add_url_rule(f"{path}/checksum", view_func=put_checksum, methods=["PUT"])
    blueprint.add_url_rule(f"{path}/ancestry", view_func=get_ancestry)
    blueprint.add_url_rule(f"{path}/files", view_func=get_files)
    blueprint.add_url_rule(f"{path}/diff", view_func=get_diff)


def get_image_json(image: ImageId) -> Response:
    """Give an image's JSON, byte for byte, with size and checksums of its layer."""
    stored = context().legacy.images
    response = _get(image, lambda: stored.json(image))
    if response.status_code == HTTPStatus.NOT_MODIFIED:
        return response
    try:
        response.headers["X-Docker-Size"] = str(stored.layer_size(image))
    except ImageUnknown:
        return response
    for checksum in stored.checksums(image):
        header = CHECKSUM if checksum.startswith("tarsum") else PAYLOAD_CHECKSUM
        response.headers.add(header, checksum)
    return response


def put_image_json(image: ImageId) -> Response:
    """Begin an image."""
    images().pushes().put_json(image, read_body())
    return done()


def put_checksum(image: ImageId) -> Response:
    """Make an image complete, whose layer has come."""
    checksum = request.headers.get(PAYLOAD_CHECKSUM, request.headers.get(CHECKSUM))
    if checksum is None:
        raise ChecksumMissing
    if not checksum:
        raise ChecksumInvalid("Missing Image's checksum")
    images().pushes().complete(image, checksum)
    return done()


def get_ancestry(image: ImageId) -> Response:
    """Give the ids of an image and of those it is built on."""
    stored = context().legacy.images
    return _get(image, lambda: json.dumps(stored.ancestry(image)))


def get_files(image: ImageId) -> Response:
    """Give what is in an image's layer."""
    listings = context().legacy.listings
    return _get(image, lambda: listings.files(image))


def get_diff(image: ImageId) -> Response:
    """Give what an image's layer changes."""
    listings = context().legacy.listings
    return _get(image, lambda: listings.diff(image))


def _get(image: ImageId, read: Callable[[], str | bytes | Reader]) -> Response:
    """Give a document about a complete image, or say that the client's is the right one."""
    stored = context().legacy.images
    stored.check_not_in_progress(image)
    if request.if_none_match.contains_weak(image):
        if not stored.exists(image):
            raise ImageUnknown
        return cacheable(EmptyResponse(status=HTTPStatus.NOT_MODIFIED), image)
    document = read()
    response = Response(document, mimetype="application/json")
    if isinstance(document, Reader):
        response.content_length = document.length
    return cacheable(response, image)
