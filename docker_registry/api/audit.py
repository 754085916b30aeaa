"""Who did what: a line for each login, refusal, push and delete.

====== ================================================= ======================================
event  when                                              fields of its own
====== ================================================= ======================================
login  a password, or a refresh token, was sent where    ``outcome``, ``user``
       clients log in, and wherever one was not good
refuse 401 to who had sent credentials, and every 403    ``scheme``, and those of ``push``
push   a manifest was stored, or a tag of V1             ``repository``, ``tag``, ``digest``
delete a tag, manifest, blob or repository was deleted   the same
====== ================================================= ======================================

All have ``identity``, ``method`` (by which he logged in), ``address``, ``request``, ``status`` and
``agent``. A client that has sent nothing yet is told to log in: that is how all of them begin, and
no line. Neither is a password that comes with each request, as long as it is good.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response, request

from docker_registry.api.access import access
from docker_registry.api.audit_log import write
from docker_registry.api.logins import Outcome, noted
from docker_registry.api.permissions import READING
from docker_registry.api.requirements import REQUIREMENTS, LoggedIn, Open
from docker_registry.registry.names import Digest

#: What is said of a change that was made, by endpoint.
CHANGES = {
    "v1.put_tag": "push",
    "v1.delete_tag": "delete",
    "v1.delete_repository": "delete",
    "v2.put_manifest": "push",
    "v2.delete_blob": "delete",
    "v2.delete_manifest": "delete",
    "v2.delete_repository": "delete",
}

SCHEMES = ("basic", "bearer", "token")


def install(app: Flask) -> None:
    """Have an application tell who did what."""
    app.after_request(_record)


def _record(response: Response) -> Response:
    login = noted()
    if login is not None and (login.outcome is not Outcome.SUCCESS or _is_for_logging_in()):
        _write("login", response, outcome=login.outcome, user=login.user)
    elif _is_refusal(response.status_code):
        _write("refuse", response, scheme=_scheme(), **_what(response))
    if _is_change(response.status_code):
        _write(CHANGES[request.endpoint or ""], response, **_what(response))
    return response


def _is_change(status: int) -> bool:
    # To OPTIONS everybody gets an answer, by whatever endpoint has the path.
    asked = request.method not in READING and request.endpoint in CHANGES
    return asked and status < HTTPStatus.MULTIPLE_CHOICES


def _is_for_logging_in() -> bool:
    return isinstance(REQUIREMENTS.get(request.endpoint or ""), LoggedIn | Open)


def _is_refusal(status: int) -> bool:
    # What is posted for a token is a password, which is noted, or a refresh token.
    sent = "Authorization" in request.headers or request.endpoint == "token.post"
    return status == HTTPStatus.FORBIDDEN or (status == HTTPStatus.UNAUTHORIZED and sent)


def _write(event: str, response: Response, **about: str | None) -> None:
    login = noted()
    identity = login.identity if login else access().identity
    write(
        event,
        {
            "identity": identity.key or "anonymous",
            "method": identity.method or None,
            "address": request.remote_addr,
            "request": f"{request.method} {request.path}",
            **about,
            "status": response.status_code,
            "agent": request.headers.get("User-Agent"),
        },
    )


def _scheme() -> str | None:
    if "Authorization" not in request.headers:
        return None
    # Whatever else stands there may be a secret that was sent without a scheme.
    given = request.authorization
    return given.type if given and given.type in SCHEMES else "unknown"


def _what(response: Response) -> dict[str, str | None]:
    """Give what the request is about, as far as its path and the answer tell."""
    what: dict[str, str | None] = {
        _name(variable, value): str(value)
        for variable, value in (request.view_args or {}).items()
        if variable != "upload"
    }
    what.setdefault("digest", response.headers.get("Docker-Content-Digest"))
    return {**what, "tags": response.headers.get("OCI-Tag")}


def _name(variable: str, value: object) -> str:
    if variable != "reference":
        return variable
    return "digest" if isinstance(value, Digest) else "tag"
