"""Rules: who may do what with which repositories.

A rule gives actions to some identities, in the repositories whose names have a pattern. Of the
rules that are about an identity and match a name, the most specific pattern decides: those that
are equally specific together. What no rule gives is denied.

``{user}``, ``{project}`` and ``{domain}`` in a pattern stand for those of the identity; a rule with
one that the identity lacks, or that could not be in a name, is not about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from docker_registry.auth.identity import Identity
from docker_registry.registry.names import COMPONENT, RepositoryName
from docker_registry.registry.selection import Choice, NamePattern, Selection


class Action(StrEnum):
    """What can be done with a repository. The names are those of token scopes."""

    PULL = "pull"
    #: Has no use without PULL, so it comes with it.
    PUSH = "push"
    DELETE = "delete"
    #: All of the others.
    ADMIN = "admin"


#: What comes with an action.
_IMPLIED = {
    Action.PUSH: frozenset({Action.PULL}),
    Action.ADMIN: frozenset(Action),
}
_PLACEHOLDER = re.compile(r"\{(user|project|domain)\}")
#: What may stand for a placeholder. Only a project may have several components.
_VALUES = {
    "user": re.compile(COMPONENT),
    "project": re.compile(rf"{COMPONENT}(?:/{COMPONENT})*"),
    "domain": re.compile(COMPONENT),
}

ANONYMOUS_WHO = "anonymous"
#: Whoever has logged in.
ANY_USER = "any-user"
#: Whoever has logged in, and anonymous.
EVERYBODY = "everybody"
#: How a word begins that means some of those who have logged in.
KINDS = ("user", "group", "role", "method")
#: Ways to log in, any of which may begin a word that means a user of that one alone. Of `token`
#: there are no users for rules: a token of somebody else alone says what it is for.
METHODS = ("htpasswd", "keystone", "certificate")

#: How many selections of identities a process keeps at most.
SELECTIONS = 4096


def check_who(word: str) -> str:
    """Check a word that says whom a rule is about; ``ValueError`` says what would be right."""
    kind, _, name = word.partition(":")
    if kind == "method" and name not in METHODS:
        words = " or ".join(f"method:{method}" for method in METHODS)
        raise ValueError(f"{word!r} should be {words}")
    if word in (ANONYMOUS_WHO, ANY_USER, EVERYBODY) or (name and kind in KINDS + METHODS):
        return word
    raise ValueError(
        f"{word!r} should be {ANONYMOUS_WHO}, {ANY_USER}, {EVERYBODY}, or one of "
        + ", ".join(f"{kind}:NAME" for kind in KINDS + METHODS)
    )


def check_pattern(text: str) -> str:
    """Check a pattern with placeholders; ``ValueError`` says what would be right."""
    try:
        NamePattern.parse(_PLACEHOLDER.sub("x", text))
    except ValueError as error:
        raise ValueError(
            f"{text!r} should be a repository name, in which * stands for a part of a component, "
            "a last component ** for any rest (with no * in front of it), and {user}, {project} "
            "and {domain} for those of the one who asks"
        ) from error
    return text


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    :ivar who: words that ``check_who`` takes: any of them.
    :ivar repositories: a pattern that ``check_pattern`` takes.
    """

    who: tuple[str, ...]
    repositories: str
    actions: frozenset[Action]

    def is_about(self, identity: Identity) -> bool:
        """Tell whether it is about an identity."""
        return any(_means(word, identity) for word in self.who)

    def pattern(self, identity: Identity) -> NamePattern | None:
        """Give the pattern as it is for an identity; ``None`` if a placeholder can't be filled."""
        values = {
            "user": identity.name,
            "project": identity.project,
            "domain": identity.domain,
        }
        for placeholder in _PLACEHOLDER.findall(self.repositories):
            if not _VALUES[placeholder].fullmatch(values[placeholder] or ""):
                return None
        return NamePattern.parse(
            _PLACEHOLDER.sub(lambda match: str(values[match[1]]), self.repositories)
        )

    def gives(self, action: Action) -> bool:
        """Tell whether it gives an action."""
        return any(action == given or action in _IMPLIED.get(given, ()) for given in self.actions)

    def __str__(self) -> str:
        return f"[{', '.join(self.who)}] in {self.repositories} may " + (
            ", ".join(action for action in Action if action in self.actions) or "nothing"
        )


def _means(word: str, identity: Identity) -> bool:
    if word == EVERYBODY:
        return True
    if identity.is_anonymous:
        return word == ANONYMOUS_WHO
    kind, _, name = word.partition(":")
    return {
        ANY_USER: True,
        "user": identity.name == name,
        "group": name in identity.groups,
        "role": name in identity.roles,
        "method": identity.method == name,
    }.get(kind, identity.key == word)


class Policy:
    """All rules.

    :ivar rules: in the order in which they were given, which makes no difference.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: Sequence[Rule] = tuple(rules)
        # An identity says itself all that a selection depends on, so one is never out of date.
        self._selections = lru_cache(SELECTIONS)(self._select)

    def may(self, identity: Identity, action: Action, repository: RepositoryName) -> bool:
        """Tell whether somebody may do something."""
        return repository in self.selection(identity, action)

    def selection(self, identity: Identity, action: Action) -> Selection:
        """Give the repositories with which somebody may do something."""
        return self._selections(identity, action)

    def deciding(self, identity: Identity, repository: RepositoryName) -> list[Rule]:
        """Give the rules that decide what somebody may do in a repository."""
        about = [
            (pattern.specificity, rule)
            for rule in self.rules
            if rule.is_about(identity)
            and (pattern := rule.pattern(identity)) is not None
            and pattern.matches(repository)
        ]
        most = max((specificity for specificity, _ in about), default=None)
        return [rule for specificity, rule in about if specificity == most]

    def _select(self, identity: Identity, action: Action) -> Selection:
        return Selection(
            Choice(pattern, rule.gives(action))
            for rule in self.rules
            if rule.is_about(identity) and (pattern := rule.pattern(identity)) is not None
        )
