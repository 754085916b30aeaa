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
class LegacyRepository:
    """Actions on the repository of V1 that the path names, by the rules for its name of today.

    :ivar actions: see ``Repository``.
    """

    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class LegacyImage:
    """Something with the image of V1 that the path names.

    To pull it needs that one may have it (``ImageAccess``); to push it, that one may push to any
    repository: whether just this one is for ``OwnedPushes`` to say.
    """

    action: Action


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


Requirement = Repository | LegacyRepository | LegacyImage | Open | LoggedIn | Listing | Closed

_PULL = Repository((Action.PULL,))
_PUSH = Repository((Action.PULL, Action.PUSH))
_DELETE = Repository((Action.DELETE,))
_V1_PULL = LegacyRepository((Action.PULL,))
_V1_PUSH = LegacyRepository((Action.PULL, Action.PUSH))
_V1_DELETE = LegacyRepository((Action.DELETE,))
_V1_IMAGE = LegacyImage(Action.PULL)
_V1_IMAGE_PUSH = LegacyImage(Action.PUSH)

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
    "v1.get_user": LoggedIn(),
    # Its answer is what leads old clients to the former; nobody becomes a user by it.
    "v1.create_user": Open(),
    "v1.update_user": Closed(),
    "v1.get_image_json": _V1_IMAGE,
    "v1.put_image_json": _V1_IMAGE_PUSH,
    "v1.put_checksum": _V1_IMAGE_PUSH,
    "v1.get_ancestry": _V1_IMAGE,
    "v1.get_files": _V1_IMAGE,
    "v1.get_diff": _V1_IMAGE,
    "v1.get_layer": _V1_IMAGE,
    "v1.put_layer": _V1_IMAGE_PUSH,
    "v1.put_repository": _V1_PUSH,
    "v1.delete_repository": _V1_DELETE,
    "v1.get_images": _V1_PULL,
    "v1.put_images": _V1_PUSH,
    "v1.delete_images": _V1_DELETE,
    "v1.put_auth": _V1_PUSH,
    "v1.get_repository_json": _V1_PULL,
    "v1.get_properties": _V1_PULL,
    "v1.put_properties": _V1_PUSH,
    "v1.list_tags": _V1_PULL,
    "v1.get_tag": _V1_PULL,
    "v1.put_tag": _V1_PUSH,
    "v1.delete_tag": _V1_DELETE,
    "v1.get_tag_json": _V1_PULL,
    # What `docker search` asks a token for.
    "v1.search": Listing("registry:catalog:search"),
    "token.get": Open(),
    "token.post": Open(),
    "health.live": Open(),
    "health.ready": Open(),
}
