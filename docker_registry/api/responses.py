"""Answers without a body."""

from __future__ import annotations

from flask import Response


class EmptyResponse(Response):
    """An answer that consists of a status and headers, and so has no type of content."""

    default_mimetype = None
