"""How the V1 API answers: JSON that is not to be cached, and its own form of errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, json

_UNCACHED = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1"}


def answer(document: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Give a JSON answer with the headers that 0.9 sent."""
    response = Response(json.dumps(document), status=status.value, mimetype="application/json")
    response.headers.update(_UNCACHED)
    return response


def refuse(status: HTTPStatus, code: str, message: str) -> Response:
    """Give an error for both kinds of clients: V1's read ``error``, all others ``errors``."""
    entry = {"code": code, "message": message, "detail": None}
    return answer({"error": message, "errors": [entry]}, status)
