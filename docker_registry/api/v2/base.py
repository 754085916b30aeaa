"""``/v2/``: whether this is a registry at all."""

from __future__ import annotations

from flask import Blueprint, Response


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    blueprint.add_url_rule("/", view_func=ping)


def ping() -> Response:
    """Say that the API is here (OCI distribution specification 1.1, end-1)."""
    return Response("{}", mimetype="application/json")
