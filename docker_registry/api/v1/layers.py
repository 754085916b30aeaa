"""Layers of images: GET (whole, or a range) and PUT."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from flask import Blueprint, Response, request

from docker_registry.api import access
from docker_registry.api.body import body_chunks
from docker_registry.api.content import REDIRECT_SECONDS, send, send_by_nginx
from docker_registry.api.context import context
from docker_registry.api.responses import EmptyResponse
from docker_registry.api.v1.answers import cacheable, done
from docker_registry.drivers.base import Reader
from docker_registry.legacy import layout
from docker_registry.legacy.images import Images
from docker_registry.legacy.names import ImageId


@dataclass(frozen=True, slots=True)
class _Layer:
    images: Images
    image: ImageId

    @property
    def path(self) -> str:
        return layout.layer(self.image)

    def size(self) -> int:
        return self.images.layer_size(self.image)

    def open(self, offset: int = 0, length: int | None = None) -> Reader:
        return self.images.layer(self.image, offset, length)


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    path = "/v1/images/<image>/layer"
    blueprint.add_url_rule(path, view_func=get_layer)
    blueprint.add_url_rule(path, view_func=put_layer, methods=["PUT"])


def get_layer(image: ImageId) -> Response:
    """Give a layer, a part of it, or (for HEAD) its size."""
    images, settings = context().legacy.images, context().settings
    layer = _Layer(images, image)
    images.check_not_in_progress(image)
    if request.if_none_match.contains_weak(image):
        layer.size()
        return _describe(EmptyResponse(status=HTTPStatus.NOT_MODIFIED), image)
    if settings.storage_redirect:
        address = images.layer_url(image, request.method, REDIRECT_SECONDS)
        if address:
            # Docker 1.x doesn't know 307.
            return EmptyResponse(status=HTTPStatus.FOUND, headers={"Location": address})
    if settings.nginx_x_accel_redirect and images.are_files and request.method != "HEAD":
        return _describe(send_by_nginx(layer, settings.nginx_x_accel_redirect), image)
    return _describe(send(layer, image), image)


def put_layer(image: ImageId) -> Response:
    """Take the layer of an image that was begun, as it comes."""
    access.images().pushes().put_layer(image, body_chunks())
    return done()


def _describe(response: Response, image: ImageId) -> Response:
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        return response
    response.headers["Accept-Ranges"] = "bytes"
    return cacheable(response, image)
