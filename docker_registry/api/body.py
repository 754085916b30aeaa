"""The body of a request, as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from flask import request
from werkzeug.exceptions import ClientDisconnected

from docker_registry.drivers.base import CHUNK_BYTES
from docker_registry.errors import SizeInvalid


def body_chunks() -> Iterator[bytes]:
    """Give the body of the request, piece by piece.

    :raises SizeInvalid: it ended before its time, or the client fell silent.
    """
    stream = request.stream
    while chunk := _read(stream, CHUNK_BYTES):
        yield chunk


def read_body(limit: int) -> bytes | None:
    """Give the whole body of the request, or ``None`` when it has more than ``limit`` bytes.

    A body that is too long is not read to its end.
    """
    if (request.content_length or 0) > limit:
        return None
    parts, size = [], 0
    for chunk in body_chunks():
        size += len(chunk)
        if size > limit:
            return None
        parts.append(chunk)
    return b"".join(parts)


def _read(stream: IO[bytes], size: int) -> bytes:
    try:
        return stream.read(size)
    except (ClientDisconnected, OSError) as error:
        # OSError covers a closed connection, a time-out, and the server's errors of framing.
        raise SizeInvalid(f"the body of the request did not come to its end: {error}") from None
