"""What the one who is asking may do, by rules, by a token, or because nobody is asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from docker_registry.auth.identity import ANONYMOUS, Identity
from docker_registry.auth.policy import Action, Policy
from docker_registry.errors import NameInvalid
from docker_registry.registry.names import RepositoryName
from docker_registry.registry.selection import EVERYTHING, NOTHING, Selection


class Access(ABC):
    """What somebody may do.

    :ivar identity: who.
    """

    identity: Identity

    @abstractmethod
    def may(self, action: Action, repository: RepositoryName) -> bool:
        """Tell whether something may be done with a repository."""

    @abstractmethod
    def visible(self) -> Selection:
        """Give the repositories that may be listed: those that may be pulled."""

    @abstractmethod
    def may_everywhere(self, action: Action) -> bool:
        """Tell whether something may be done with every repository, whatever its name."""

    @abstractmethod
    def may_somewhere(self, action: Action) -> bool:
        """Tell whether something may be done with any repository, there or not."""

    @property
    def may_list(self) -> bool:
        """Whether repositories may be listed at all."""
        return not self.visible().is_nothing

    @property
    def is_limited(self) -> bool:
        """Whether a token with more scopes could give more."""
        return False


class OpenAccess(Access):
    """Everybody may do everything: there is no authentication."""

    identity = ANONYMOUS

    def may(self, action: Action, repository: RepositoryName) -> bool:
        """Say yes."""
        return True

    def may_everywhere(self, action: Action) -> bool:
        """Say yes."""
        return True

    def may_somewhere(self, action: Action) -> bool:
        """Say yes."""
        return True

    def visible(self) -> Selection:
        """Give all."""
        return EVERYTHING


@dataclass(frozen=True)
class PolicyAccess(Access):
    """What the rules give to an identity."""

    identity: Identity
    policy: Policy

    def may(self, action: Action, repository: RepositoryName) -> bool:
        """Ask the rules."""
        return self.policy.may(self.identity, action, repository)

    def may_everywhere(self, action: Action) -> bool:
        """Ask the rules."""
        return self.policy.selection(self.identity, action).is_everything

    def may_somewhere(self, action: Action) -> bool:
        """Ask the rules."""
        return not self.policy.selection(self.identity, action).is_nothing

    def visible(self) -> Selection:
        """Ask the rules."""
        return self.policy.selection(self.identity, Action.PULL)


@dataclass(frozen=True)
class Scope:
    """What a token is for: actions on one resource (Distribution's token scope grammar).

    :ivar type: ``repository``, or ``registry``.
    :ivar name: of the repository; ``catalog``.
    """

    type: str
    name: str
    actions: frozenset[str]


@dataclass(frozen=True)
class TokenAccess(Access):
    """What a token gives: as much of what its holder may do as the token is for.

    :ivar holder: what the rules give, for tokens of our own; the token alone decides where another
        has issued it.
    """

    identity: Identity
    scopes: tuple[Scope, ...]
    holder: Access | None = None

    def may(self, action: Action, repository: RepositoryName) -> bool:
        """Ask the token, and then the rules."""
        given = self._given("repository", repository)
        return bool(given & {action, "*"}) and (
            self.holder is None or self.holder.may(action, repository)
        )

    def may_everywhere(self, action: Action) -> bool:
        """Say no: it is for the repositories that it names."""
        return False

    def may_somewhere(self, action: Action) -> bool:
        """Ask about each repository that it names."""
        return any(self.may(action, repository) for repository in self.repositories())

    def repositories(self) -> Iterator[RepositoryName]:
        """Give the repositories that it names."""
        for one in self.scopes:
            # Who has issued it may have named what can't be a repository.
            with suppress(NameInvalid):
                if one.type == "repository":
                    yield RepositoryName.parse(one.name)

    def visible(self) -> Selection:
        """Give what the holder may list, if the token is for listing."""
        if self._given("registry", "catalog"):
            return self.holder.visible() if self.holder else EVERYTHING
        return NOTHING

    @property
    def is_limited(self) -> bool:
        """Say yes."""
        return True

    def _given(self, kind: str, name: str) -> frozenset[str]:
        return frozenset().union(
            *(one.actions for one in self.scopes if one.type == kind and one.name == name)
        )
