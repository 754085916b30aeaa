"""What the settings forbid to everybody: all changes, or deleting.

One look at each request, before any view: a route that is added is covered as well.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, current_app, request

from docker_registry.api.errors import error_response
from docker_registry.config import Settings
from docker_registry.errors import Unsupported

READING = frozenset({"GET", "HEAD", "OPTIONS"})
#: Endpoints that change nothing, whatever their method.
UNCHANGING = frozenset({"token.post"})
#: Endpoints that delete nothing that was pushed.
NOT_PUSHED_YET = frozenset({"v2.cancel_upload"})


def install(app: Flask, settings: Settings) -> None:
    """Have an application refuse what ``read_only`` and ``delete_enabled`` forbid, with 405."""
    if settings.read_only:
        app.before_request(_refuse_changes)
    if not settings.delete_enabled:
        app.before_request(_refuse_deletes)


def _refuse_changes() -> Response | None:
    if request.endpoint in UNCHANGING:
        return None
    return _refuse(
        lambda method: method not in READING,
        "the registry is read-only at present: nothing can be pushed or deleted",
    )


def _refuse_deletes() -> Response | None:
    if request.endpoint in NOT_PUSHED_YET:
        return None
    return _refuse(lambda method: method == "DELETE", "deleting is switched off in this registry")


def _refuse(forbids: Callable[[str], bool], message: str) -> Response | None:
    # Without an endpoint the answer is that there is none.
    if request.endpoint is None or not forbids(request.method):
        return None
    response = error_response(Unsupported(message))
    adapter = current_app.create_url_adapter(request)
    methods = adapter.allowed_methods() if adapter else []
    response.headers["Allow"] = ", ".join(sorted(m for m in methods if not forbids(m)))
    return response
