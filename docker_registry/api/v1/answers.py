"""How the V1 API answers: JSON that is not to be cached, and its own form of errors."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, json

from docker_registry.api.content import MAX_AGE
from docker_registry.api.context import context
from docker_registry.api.errors import UNCACHED
from docker_registry.legacy.names import ImageId


def answer(
    document: Any, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Give a JSON answer with the headers that 0.9 sent."""
    response = Response(json.dumps(document), status=status.value, mimetype="application/json")
    response.headers.update(UNCACHED)
    response.headers.update(headers or {})
    return response


def done() -> Response:
    """Say that it is done, and nothing else."""
    return answer(True)


def refuse(status: HTTPStatus, code: str, message: str) -> Response:
    """Give an error for both kinds of clients: V1's read ``error``, all others ``errors``."""
    entry = {"code": code, "message": message, "detail": None}
    return answer({"error": message, "errors": [entry]}, status)


def cacheable(response: Response, image: ImageId) -> Response:
    """Let what is known of a complete image be kept: it never changes.

    0.9 went by dates, and said "not modified" of what was not there. The id says it better (RFC
    9110, section 8.8.3), and ``If-Modified-Since`` has nothing to go by.
    """
    response.set_etag(image)
    # What not everybody may have must not be given out by a cache in between.
    who = "public" if context().authority is None else "private"
    response.headers["Cache-Control"] = f"{who}, max-age={MAX_AGE}"
    return response
