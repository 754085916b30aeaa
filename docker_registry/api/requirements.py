"""What each route needs: one table, in which every route must have a row.

A route without one is refused as soon as there is authentication.
"""

from __future__ import annotations

from dataclasses import dataclass

from docker_registry.auth.policy import Action


@dataclass(frozen=True, slots=True)
class Repository:
    """Actions on the repository that the path names, all of them.

    :ivar actions: the one that counts is the last; clients ask for tokens for all of them.
    :ivar source: the parameter of the query that may name another repository, from which something
        is taken: a token should be for pulling from it too. Whether that may be done is the view's
        to find out, which can do without.
    """

    actions: tuple[Action, ...]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """Nothing: everybody may ask."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Credentials, or a token, whatever it is for."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Something that may be listed.

    :ivar scope: of a token for it.
    """

    scope: str


@dataclass(frozen=True, slots=True)
class Closed:
    """What nobody can get where there is authentication."""


Requirement = Repository | Open | LoggedIn | Listing | Closed

_PULL = Repository((Action.PULL,))
_PUSH = Repository((Action.PULL, Action.PUSH))
_DELETE = Repository((Action.DELETE,))

#: By endpoint.
REQUIREMENTS: dict[str, Requirement] = {
    # 401 there is how clients learn where to get a token, so anonymous isn't enough.
    "v2.ping": LoggedIn(),
    "v2.get_blob": _PULL,
    "v2.delete_blob": _DELETE,
    "v2.list_repositories": Listing("registry:catalog:*"),
    "v2.get_manifest": _PULL,
    "v2.put_manifest": _PUSH,
    "v2.delete_manifest": _DELETE,
    "v2.list_referrers": _PULL,
    "v2.delete_repository": _DELETE,
    "v2.list_tags": _PULL,
    "v2.start_upload": Repository((Action.PULL, Action.PUSH), source="from"),
    "v2.get_upload": _PUSH,
    "v2.append_to_upload": _PUSH,
    "v2.finish_upload": _PUSH,
    "v2.cancel_upload": _PUSH,
    "v1.root": Open(),
    "v1.ping": Open(),
    "v1.v1_ping": Open(),
    "v1.status": Open(),
    "v1.v1_status": Open(),
    # What `docker search` asks a token for.
    "v1.search": Listing("registry:catalog:search"),
    "token.get": Open(),
    "token.post": Open(),
    "health.live": Open(),
    "health.ready": Open(),
}
