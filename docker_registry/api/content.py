"""Large objects that never change, as answers: whole, in part, or by somebody else's hands."""

from __future__ import annotations

from http import HTTPStatus
from typing import Protocol

from flask import Response, request
from werkzeug.wsgi import wrap_file

from docker_registry.api.errors import error_response
from docker_registry.api.ranges import ByteRange, parse_range, peek_range
from docker_registry.drivers.base import CHUNK_BYTES, Reader
from docker_registry.errors import RangeInvalid

#: How long a client may use an address of the backend itself, in seconds.
REDIRECT_SECONDS = 1200

#: What never changes may be kept for a year, in seconds: as long as RFC 9111 has a use for.
MAX_AGE = 31536000

#: The type of what is only bytes.
OCTETS = "application/octet-stream"


class Content(Protocol):
    """An object in the storage."""

    @property
    def path(self) -> str:
        """Where it is in the storage."""

    def size(self) -> int:
        """Give its size in bytes; raises if it is not there."""

    def open(self, offset: int = 0, length: int | None = None) -> Reader:
        """Open it at ``offset``, for ``length`` bytes or to the end."""


def send(content: Content, etag: str) -> Response:
    """Give an object, the part of it that is asked for, or (for HEAD) its size.

    RFC 9110, section 14.

    :param etag: its entity tag, without quotes.
    """
    if request.method == "HEAD":
        response = Response(mimetype=OCTETS)
        response.content_length = content.size()
        return response
    condition = "If-Range" not in request.headers or request.if_range.etag == etag
    if "Range" in request.headers and condition:
        return _ranged(content)
    return _stream(content.open(), HTTPStatus.OK)


def send_by_nginx(content: Content, location: str) -> Response:
    """Have nginx send the file, ranges included (its ``X-Accel-Redirect``).

    :param location: nginx's internal location for what lies below ``storage_path``.
    """
    content.size()
    response = Response(mimetype=OCTETS)
    response.headers["X-Accel-Redirect"] = f"{location.rstrip('/')}/{content.path}"
    return response


def _ranged(content: Content) -> Response:
    header = request.headers.get("Range")
    # To open it tells the size as well: of most ranges nothing has to be asked before.
    bounds = peek_range(header)
    reader = content.open(*bounds) if bounds else None
    size = reader.size if reader else content.size()
    try:
        part = parse_range(header, size)
    except RangeInvalid as error:
        if reader:
            reader.close()
        response = error_response(error)
        response.headers["Content-Range"] = f"bytes */{size}"
        return response
    if part is None:
        return _stream(content.open(), HTTPStatus.OK)
    return _part(reader or content.open(part.offset, part.length), part, size)


def _part(reader: Reader, part: ByteRange, size: int) -> Response:
    response = _stream(reader, HTTPStatus.PARTIAL_CONTENT)
    response.headers["Content-Range"] = part.content_range(size)
    return response


def _stream(reader: Reader, status: HTTPStatus) -> Response:
    # A real file goes out by sendfile, where the server can and the part reaches to the end:
    # a server that can't would send the file up to its end, whatever the part.
    to_the_end = reader.file is not None and reader.file.tell() + reader.length == reader.size
    body = (
        wrap_file(request.environ, reader.file, CHUNK_BYTES)
        if reader.file is not None and to_the_end
        else reader
    )
    response = Response(body, status=status.value, mimetype=OCTETS, direct_passthrough=True)
    response.content_length = reader.length
    return response
