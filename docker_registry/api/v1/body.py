"""What V1's clients send as JSON."""

from __future__ import annotations

from typing import Any

from flask import json

from docker_registry.api import body
from docker_registry.legacy.errors import BodyInvalid, BodyTooLarge

#: How many bytes a body that is not a layer may have.
LIMIT = 4 * 1024 * 1024


def read_body() -> bytes:
    """Give the whole body of a request; ``BodyTooLarge`` if it has more than ``LIMIT`` bytes."""
    content = body.read_body(LIMIT)
    if content is None:
        raise BodyTooLarge(LIMIT)
    return content


def read_json(complaint: str) -> Any:
    """Give the body of a request, which must be JSON.

    :param complaint: what 0.9 says of one that is none.
    """
    try:
        return json.loads(read_body())
    except (ValueError, RecursionError):
        raise BodyInvalid(complaint, {"expected": "a body that is JSON"}) from None
