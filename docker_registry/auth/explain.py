"""Why somebody may do something, or may not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from docker_registry.auth.identity import Identity
from docker_registry.auth.policy import Action, Policy, Rule
from docker_registry.registry.names import RepositoryName


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether something may be done, and why.

    :ivar rules: those that decided, with their numbers, from 1; none if no rule is about it.
    """

    action: Action
    allowed: bool
    rules: tuple[tuple[int, Rule], ...]


def explain(
    policy: Policy, identity: Identity, repository: RepositoryName
) -> Iterator[Explanation]:
    """Explain what somebody may do with a repository, action by action."""
    deciding = policy.deciding(identity, repository)
    numbered = [(number, rule) for number, rule in enumerate(policy.rules, 1) if rule in deciding]
    for action in Action:
        giving = [(number, rule) for number, rule in numbered if rule.gives(action)]
        allowed = policy.may(identity, action, repository)
        yield Explanation(action, allowed, tuple(giving or numbered))
