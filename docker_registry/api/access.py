"""Who is asking, and may he: one look at each request, before any view."""

from __future__ import annotations

from contextlib import suppress
from typing import cast

from flask import Flask, g, request

from docker_registry.api.challenge import require_scopes
from docker_registry.api.context import context
from docker_registry.api.image_access import ImageAccess
from docker_registry.api.index_tokens import read_token
from docker_registry.api.login import log_in
from docker_registry.api.requirements import (
    REQUIREMENTS,
    Closed,
    LegacyImage,
    LegacyRepository,
    Listing,
    Open,
    Repository,
)
from docker_registry.auth import Authority
from docker_registry.auth.access import Access, OpenAccess
from docker_registry.auth.method import Password
from docker_registry.auth.policy import Action
from docker_registry.errors import Denied, InsufficientScope, NameInvalid, Unauthorized
from docker_registry.legacy.errors import ImageUnknown
from docker_registry.registry.names import RepositoryName

_OPEN = OpenAccess()


def install(app: Flask) -> None:
    """Have an application ask who is there, and refuse what he may not do."""
    app.before_request(_check)


def access() -> Access:
    """Give what the one who is asking may do; where nobody was asked, what anonymous may."""
    if "access" not in g:
        authority = context().authority
        g.access = _OPEN if authority is None else authority.access()
    return cast(Access, g.access)


def _check() -> None:
    authority = context().authority
    # Without an endpoint the answer is that there is none.
    if authority is None or request.endpoint is None or request.method == "OPTIONS":
        return
    needed = REQUIREMENTS.get(request.endpoint, Closed())
    if isinstance(needed, Open):
        return
    if isinstance(needed, Repository):
        repository = cast(RepositoryName, (request.view_args or {})["repository"])
        require_scopes(f"repository:{repository}:{','.join(needed.actions)}")
        source = request.args.get(needed.source)
        if source:
            require_scopes(f"repository:{RepositoryName.parse(source)}:{Action.PULL}")
        g.access = _identify(authority)
        require(needed.actions[-1], repository)
        return
    if isinstance(needed, Listing):
        require_scopes(needed.scope)
    elif isinstance(needed, LegacyRepository):
        _require_legacy_scope(needed)
    g.access = _identify(authority)
    if isinstance(needed, LegacyRepository | LegacyImage):
        _check_legacy(needed)
        return
    if isinstance(needed, Closed):
        raise Denied("nobody may do this here")
    allowed = access().may_list if isinstance(needed, Listing) else _is_logged_in()
    if not allowed:
        raise refusal()


def images() -> ImageAccess:
    """Give what the one who is asking may do with images of V1."""
    return ImageAccess(context(), access())


def _require_legacy_scope(needed: LegacyRepository) -> None:
    # Of a name that is none today there are no tokens.
    with suppress(NameInvalid):
        name = (request.view_args or {})["repository"].todays()
        require_scopes(f"repository:{name}:{','.join(needed.actions)}")


def _check_legacy(needed: LegacyRepository | LegacyImage) -> None:
    named = request.view_args or {}
    if isinstance(needed, LegacyRepository):
        action, name = needed.actions[-1], named["repository"]
        if not images().may_with(action, name):
            raise refusal({"repository": str(name), "action": action})
    elif needed.action is Action.PUSH:
        if not access().may_somewhere(Action.PUSH):
            raise refusal({"action": needed.action})
    elif not images().may_pull(named["image"]):
        if access().identity.is_anonymous and not access().is_limited:
            raise refusal()
        # Whether it is there is no business of his.
        raise ImageUnknown


def _is_logged_in() -> bool:
    return access().is_limited or not access().identity.is_anonymous


def require(action: Action, repository: RepositoryName) -> None:
    """Refuse the request if it may not do something with a repository."""
    if not access().may(action, repository):
        raise refusal({"repository": repository, "action": action})


def refusal(detail: object = None) -> Unauthorized | Denied:
    """Give the error for a request that whoever sent it may not make.

    :param detail: what it needs, for programs.
    """
    if access().is_limited:
        return InsufficientScope("the token is not for this: what it asks is not allowed", detail)
    if access().identity.is_anonymous:
        return Unauthorized("say who you are: docker login", detail)
    return Denied(f"{access().identity.name} may not do this", detail)


def _identify(authority: Authority) -> Access:
    given = request.authorization
    if given is None:
        if "Authorization" in request.headers:
            raise Unauthorized("the header Authorization can't be read: send Basic or Bearer")
        return authority.access()
    if request.blueprint == "v1":
        if given.type == "token":
            return read_token(authority, request.headers["Authorization"])
        # Docker 1.x sends this over TLS when its user has not logged in.
        if given.type == "basic" and given.username == given.password == "":
            return authority.access()
    if given.type == "basic":
        return authority.access(log_in(Password(given.username or "", given.password or "")))
    if given.type == "bearer" and authority.bearers is not None:
        return authority.token_access(authority.bearers, given.token or "")
    # It isn't named: some send their password in its place.
    raise Unauthorized("the scheme of Authorization is not known here: send Basic or Bearer")
