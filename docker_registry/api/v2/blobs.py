"""Blobs: HEAD, GET (whole, or a range) and DELETE.

OCI distribution specification 1.1, "Pulling blobs" and "Deleting Blobs" (end-2, end-10).
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, request
from werkzeug.wsgi import wrap_file

from docker_registry.api.context import context
from docker_registry.api.errors import error_response
from docker_registry.api.ranges import ByteRange, parse_range, peek_range
from docker_registry.api.responses import EmptyResponse
from docker_registry.drivers.base import CHUNK_BYTES, Reader
from docker_registry.errors import RangeInvalid
from docker_registry.registry.blobs import Blob
from docker_registry.registry.names import Digest, RepositoryName

#: How long a client may use an address of the backend itself, in seconds.
REDIRECT_SECONDS = 1200

#: The bytes of a digest never change: a year, in seconds, as long as RFC 9111 has a use for.
MAX_AGE = 31536000


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
    if request.method == "HEAD":
        response = Response(mimetype="application/octet-stream")
        response.content_length = blobs.stat(repository, digest)
        return _describe(response, digest)
    blob = blobs.find(repository, digest)
    if settings.nginx_x_accel_redirect and blobs.are_files:
        return _by_nginx(settings.nginx_x_accel_redirect, digest, blob)
    if "Range" in request.headers and (request.if_range.etag or digest) == digest:
        return _ranged(digest, blob)
    return _whole(digest, blob.open())


def delete_blob(repository: RepositoryName, digest: Digest) -> Response:
    """Take a blob out of a repository."""
    context().registry.blobs.delete(repository, digest)
    return EmptyResponse(status=HTTPStatus.ACCEPTED, headers={"Docker-Content-Digest": digest})


def _ranged(digest: Digest, blob: Blob) -> Response:
    header = request.headers.get("Range")
    # To open it tells the size as well: of most ranges nothing has to be asked before.
    bounds = peek_range(header)
    reader = blob.open(*bounds) if bounds else None
    size = reader.size if reader else blob.size()
    try:
        part = parse_range(header, size)
    except RangeInvalid as error:
        if reader:
            reader.close()
        response = error_response(error)
        response.headers["Content-Range"] = f"bytes */{size}"
        return response
    if part is None:
        return _whole(digest, blob.open())
    return _part(digest, reader or blob.open(part.offset, part.length), part, size)


def _by_nginx(location: str, digest: Digest, blob: Blob) -> Response:
    """Have nginx send the file, ranges included (its ``X-Accel-Redirect``)."""
    blob.size()
    response = Response(mimetype="application/octet-stream")
    response.headers["X-Accel-Redirect"] = f"{location.rstrip('/')}/{blob.path}"
    return _describe(response, digest)


def _whole(digest: Digest, reader: Reader) -> Response:
    return _describe(_stream(reader, HTTPStatus.OK), digest)


def _part(digest: Digest, reader: Reader, part: ByteRange, size: int) -> Response:
    response = _stream(reader, HTTPStatus.PARTIAL_CONTENT)
    response.headers["Content-Range"] = part.content_range(size)
    return _describe(response, digest)


def _stream(reader: Reader, status: HTTPStatus) -> Response:
    # A real file goes out by sendfile, where the server can and the part reaches to the end:
    # a server that can't would send the file up to its end, whatever the part.
    to_the_end = reader.file is not None and reader.file.tell() + reader.length == reader.size
    body = (
        wrap_file(request.environ, reader.file, CHUNK_BYTES)
        if reader.file is not None and to_the_end
        else reader
    )
    response = Response(
        body, status=status.value, mimetype="application/octet-stream", direct_passthrough=True
    )
    response.content_length = reader.length
    return response


def _describe(response: Response, digest: Digest) -> Response:
    response.set_etag(digest)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = f"max-age={MAX_AGE}"
    response.headers["Docker-Content-Digest"] = digest
    return response
