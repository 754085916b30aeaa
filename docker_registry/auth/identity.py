"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whose credentials were found good; or nobody in particular.

    :ivar method: what found them good, such as ``htpasswd``; empty for anonymous.
    :ivar name: the user's name, unique within the method.
    :ivar project: the first components of the repositories of the user's project, if it has any.
    :ivar domain: the name of the user's domain.
    :ivar stamp: changes when the credentials do; for ``Method.renew`` of the same method.
    """

    method: str = ""
    name: str = ""
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    project: str | None = None
    domain: str | None = None
    stamp: str = field(default="", repr=False)

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody said who he is."""
        return not self.method

    @property
    def key(self) -> str:
        """What tells identities of all methods apart; empty for anonymous."""
        return f"{self.method}:{self.name}" if self.method else ""

    def to_claims(self) -> dict[str, Any]:
        """Give it as a JSON object, for a token."""
        return {
            "method": self.method,
            "name": self.name,
            "groups": sorted(self.groups),
            "roles": sorted(self.roles),
            "project": self.project,
            "domain": self.domain,
            "stamp": self.stamp,
        }

    @classmethod
    def from_claims(cls, claims: dict[str, Any]) -> Identity:
        """Make it of what ``to_claims`` gave; the claims must come from a verified token."""
        return cls(
            **{
                **claims,
                "groups": frozenset(claims["groups"]),
                "roles": frozenset(claims["roles"]),
            }
        )


ANONYMOUS = Identity()
