"""``/auth/token``: where clients get tokens of ours.

GET with a password or without (Distribution's token specification), and POST with a password or a
refresh token (its OAuth2 variant, RFC 6749). A token is for as much of what is asked as the rules
give; asking for more is no error.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Blueprint, Response, json, request
from werkzeug.datastructures import MultiDict

from docker_registry.api.certificates import identity_of_request
from docker_registry.api.context import context
from docker_registry.api.login import log_in
from docker_registry.api.logins import Login, Outcome, note
from docker_registry.auth import Authority, scopes
from docker_registry.auth.identity import ANONYMOUS, Identity
from docker_registry.auth.issued import IssuedTokens
from docker_registry.auth.method import Password
from docker_registry.errors import TokenRequestInvalid, Unauthorized

PATH = "/auth/token"
#: The longest body of a POST, in bytes: a refresh token and scopes.
MAX_BODY = 32 * 1024

_FORM = "application/x-www-form-urlencoded"


def create_blueprint() -> Blueprint:
    """Make the blueprint with the routes of this module."""
    blueprint = Blueprint("token", __name__)
    blueprint.after_request(_keep_private)
    blueprint.add_url_rule(PATH, view_func=get)
    blueprint.add_url_rule(PATH, view_func=post, methods=["POST"])
    return blueprint


def get() -> Response:
    """Give a token to whoever the Basic credentials are of, or to anonymous."""
    wanted = request.args
    _check_service(wanted)
    identity = _caller()
    wants_refresh = wanted.get("offline_token", "").lower() in ("true", "1")
    return _answer(identity, wanted.getlist("scope"), wants_refresh)


def post() -> Response:
    """Give a token by a form (RFC 6749, 4.3 and 6)."""
    request.max_content_length = request.max_form_memory_size = MAX_BODY
    if request.mimetype != _FORM:
        raise TokenRequestInvalid(f"the content type should be {_FORM}")
    form = request.form
    _check_service(form)
    grants: dict[str, Callable[[MultiDict[str, str]], Identity]] = {
        "password": _by_password,
        "refresh_token": _by_refresh_token,
    }
    grant = grants.get(form.get("grant_type", ""))
    if grant is None:
        raise TokenRequestInvalid(f"grant_type should be one of {', '.join(grants)}")
    # A refresh token gives none: it would never end.
    wants_refresh = grant is _by_password and form.get("access_type") == "offline"
    return _answer(grant(form), form.getlist("scope"), wants_refresh)


def _caller() -> Identity:
    given = request.authorization
    if given is not None and given.type == "basic":
        return log_in(Password(given.username or "", given.password or ""))
    if "Authorization" in request.headers:
        raise Unauthorized("send user name and password (Basic) to get a token")
    return identity_of_request() or ANONYMOUS


def _by_password(form: MultiDict[str, str]) -> Identity:
    return log_in(Password(_needed(form, "username"), _needed(form, "password")))


def _by_refresh_token(form: MultiDict[str, str]) -> Identity:
    authority, issued = _authority()
    holder = issued.read_refresh(_needed(form, "refresh_token"))
    identity = authority.renew(holder)
    if identity is None:
        note(Login(holder.name, Outcome.FAILURE))
        raise Unauthorized("what you logged in with is no longer good: docker login")
    note(Login(identity.name, Outcome.SUCCESS, identity))
    return identity


def _needed(form: MultiDict[str, str], name: str) -> str:
    value = form.get(name)
    if not value:
        raise TokenRequestInvalid(f"{name} is missing in the form")
    return value


def _check_service(wanted: MultiDict[str, str]) -> None:
    _, issued = _authority()
    given = wanted.get("service") or issued.issuer
    if given != issued.issuer:
        raise TokenRequestInvalid(
            f"service should be {issued.issuer}: no other registry's tokens are given here",
            {"service": given[:256]},
        )


def _answer(identity: Identity, asked: list[str], wants_refresh: bool) -> Response:
    authority, issued = _authority()
    granted = scopes.grant(scopes.parse(asked), authority.access(identity))
    token = issued.issue(identity, granted)
    document = {
        "token": token,
        "access_token": token,
        "expires_in": issued.seconds,
        "issued_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "scope": scopes.write(granted),
    }
    if wants_refresh and issued.refresh_seconds and authority.is_renewable(identity):
        document["refresh_token"] = issued.issue_refresh(identity)
    return Response(json.dumps(document), mimetype="application/json")


def _authority() -> tuple[Authority, IssuedTokens]:
    """Give whom to ask; these routes are there only if there are tokens of ours."""
    authority = context().authority
    assert authority is not None and authority.issued is not None
    return authority, authority.issued


def _keep_private(response: Response) -> Response:
    # RFC 6749, 5.1.
    response.headers["Cache-Control"] = "no-store"
    return response
