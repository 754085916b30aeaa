"""Whether this process lives, and whether it can serve: for load balancers and orchestrators.

``GET /health/live`` says 200 as long as the process answers. ``GET /health/ready`` looks at the
storage::

    200 {"status": "ok", "storage": {"local": "available"}}
    200 {"status": "degraded", "storage": {"s3": "unavailable", "local": "available"}}
    503 {"status": "unavailable", "storage": {"s3": "unavailable"}}

``degraded`` means that alternates do the work of a backend that is away, or hold what has yet to be
brought home. What exactly is wrong is for the log: anybody may ask here.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, json

from docker_registry.api.context import context


def create_blueprint() -> Blueprint:
    """Make the blueprint with the routes below ``/health/``."""
    blueprint = Blueprint("health", __name__, url_prefix="/health")
    blueprint.add_url_rule("/live", endpoint="live", view_func=live)
    blueprint.add_url_rule("/ready", endpoint="ready", view_func=ready)
    return blueprint


def live() -> Response:
    """Say that the process answers."""
    return _answer(HTTPStatus.OK, {"status": "ok"})


def ready() -> Response:
    """Tell whether requests can be served."""
    found = context().readiness.find()
    unavailable = found["status"] == "unavailable"
    return _answer(HTTPStatus.SERVICE_UNAVAILABLE if unavailable else HTTPStatus.OK, found)


def _answer(status: HTTPStatus, document: dict[str, object]) -> Response:
    response = Response(json.dumps(document), status=status.value, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
