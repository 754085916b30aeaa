"""``/``, ``/_ping`` and ``/_status``: what this is, whether it speaks V1, how its storage is."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from http import HTTPStatus
from importlib import metadata

from flask import Blueprint, Response

from docker_registry.api.context import context
from docker_registry.api.v1.answers import answer


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    blueprint.add_url_rule("/", view_func=root)
    blueprint.add_url_rule("/_ping", view_func=ping)
    blueprint.add_url_rule("/v1/_ping", view_func=ping, endpoint="v1_ping")
    blueprint.add_url_rule("/_status", view_func=status)
    blueprint.add_url_rule("/v1/_status", view_func=status, endpoint="v1_status")


def root() -> Response:
    """Say what the operator wants said."""
    return answer(context().settings.issue)


def ping() -> Response:
    """Say yes. Docker asks a registry that is not standalone for an index elsewhere.

    With ``debug``, versions and the flavor are told; 0.9 told the host's name and command too.
    """
    settings = context().settings
    response = answer({"versions": dict(_versions())} if settings.debug else {})
    response.headers["X-Docker-Registry-Standalone"] = "True"
    if settings.debug:
        flavor = settings.provenance.flavor or ""
        response.headers["X-Docker-Registry-Config"] = flavor.encode("ascii", "replace").decode()
    return response


def status() -> Response:
    """Tell whether the storage works; what exactly is wrong is for the log."""
    failed = context().readiness.find()["status"] == "unavailable"
    failures = {"storage": "unavailable"} if failed else {}
    return answer(
        {"services": ["storage"], "failures": failures},
        HTTPStatus.SERVICE_UNAVAILABLE if failed else HTTPStatus.OK,
    )


def _versions() -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    for distribution in ("docker-registry", "Flask", "gunicorn", "Werkzeug"):
        yield distribution, metadata.version(distribution)
