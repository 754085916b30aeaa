"""What Keystone says about a token: whose it is, and for what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Project:
    """The project that a token is for."""

    id: str
    name: str
    domain_id: str
    domain: str


@dataclass(frozen=True, slots=True)
class Grant:
    """Whose a token is, and for what.

    :ivar project: ``None`` if the token is not for a project.
    :ivar roles: names of those that it has in the project, the implied ones included.
    :ivar credential: the name of the application credential that it was made for.
    :ivar narrowed: whether it may only be used for some requests to other services.
    :ivar expires: until when it is good, as a time stamp.
    """

    user_id: str
    user: str
    domain_id: str
    domain: str
    project: Project | None
    roles: frozenset[str]
    credential: str | None
    narrowed: bool
    expires: float

    @classmethod
    def parse(cls, body: Any) -> Self:
        """Read it (Identity API v3, "Validate and show information for token").

        ``KeyError``, ``TypeError`` or ``ValueError`` if it is something else.
        """
        token = body["token"]
        user, project = token["user"], _project(token)
        credential = token.get("application_credential")
        return cls(
            user_id=user["id"],
            user=user["name"],
            domain_id=user["domain"]["id"],
            domain=user["domain"]["name"],
            project=project,
            # Those of a domain or of the system are not for any project.
            roles=frozenset(role["name"] for role in token["roles"]) if project else frozenset(),
            credential=credential["name"] if credential else None,
            narrowed=bool(credential and credential.get("access_rules") is not None),
            expires=datetime.fromisoformat(token["expires_at"]).timestamp(),
        )


def _project(token: dict[str, Any]) -> Project | None:
    project = token.get("project")
    # A project that acts as a domain is none whose members share something.
    if project is None or token.get("is_domain"):
        return None
    return Project(
        project["id"], project["name"], project["domain"]["id"], project["domain"]["name"]
    )
