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

import logging
import threading
import time
from http import HTTPStatus

from flask import Blueprint, Response, json

from docker_registry.api.context import context
from docker_registry.drivers.alternate import Chain
from docker_registry.drivers.base import Driver

log = logging.getLogger(__name__)

#: Seconds for which an answer holds, so that asking often doesn't cost the backends much.
HOLDS = 5.0


def create_blueprint() -> Blueprint:
    """Make the blueprint with the routes below ``/health/``."""
    blueprint = Blueprint("health", __name__, url_prefix="/health")
    readiness = Readiness()
    blueprint.add_url_rule("/live", endpoint="live", view_func=live)
    blueprint.add_url_rule("/ready", endpoint="ready", view_func=readiness.answer)
    return blueprint


def live() -> Response:
    """Say that the process answers."""
    return _answer(HTTPStatus.OK, {"status": "ok"})


class Readiness:
    """What was found at the last look, and the time of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._found: dict[str, object] = {}

    def answer(self) -> Response:
        """Tell whether requests can be served, of one look at the storage for many askers."""
        with self._lock:
            if time.monotonic() > self._until:
                self._found = _look(context().registry.driver)
                self._until = time.monotonic() + HOLDS
            found = self._found
        unavailable = found["status"] == "unavailable"
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE if unavailable else HTTPStatus.OK, found)


def _look(driver: Driver) -> dict[str, object]:
    wrong = driver.examine()
    for name, reason in wrong.items():
        if reason:
            log.warning("storage %s: %s", name, reason)
    if all(wrong.values()):
        status = "unavailable"
    elif any(wrong.values()) or (isinstance(driver, Chain) and not driver.journal.is_empty()):
        status = "degraded"
    else:
        status = "ok"
    storage = {name: "unavailable" if why else "available" for name, why in wrong.items()}
    return {"status": status, "storage": storage}


def _answer(status: HTTPStatus, document: dict[str, object]) -> Response:
    response = Response(json.dumps(document), status=status.value, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
