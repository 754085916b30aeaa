"""What a token is asked to be for: Distribution's token scope grammar.

::

    repository:team/app:pull,push
    registry:catalog:*

A type, a name and actions; names of resources may have colons themselves (``host:port/name``). A
type may be followed by a class (``repository(plugin)``), which makes no difference here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from docker_registry.auth.access import Access, Scope
from docker_registry.auth.policy import Action
from docker_registry.errors import NameInvalid, TokenRequestInvalid
from docker_registry.registry.names import RepositoryName

#: How many scopes one token may be asked for, and of how many characters in all: the token that
#: comes of it must fit into a header.
MAX_SCOPES = 32
MAX_LENGTH = 4096

_SCOPE = re.compile(
    r"(?P<type>[a-z0-9]+)(?:\([a-z0-9]+\))?"
    r":(?P<name>[A-Za-z0-9._/:-]+)"
    r":(?P<actions>(?:[a-z]+|\*)(?:,(?:[a-z]+|\*))*)"
)
_EVERY_ACTION = "*"
#: The one resource of the type ``registry``, and what can be done with it.
_CATALOG = "catalog"
_CATALOG_ACTIONS = frozenset({_EVERY_ACTION, "search"})


def parse(texts: Iterable[str]) -> tuple[Scope, ...]:
    """Read scopes, of which a text may hold several between spaces; equal resources become one.

    :raises TokenRequestInvalid: one breaks the grammar, or they are too many.
    """
    words = [word for text in texts for word in text.split(" ") if word]
    if len(words) > MAX_SCOPES or sum(map(len, words)) > MAX_LENGTH:
        raise TokenRequestInvalid(
            f"a token can be for at most {MAX_SCOPES} scopes of {MAX_LENGTH} characters in all"
        )
    found: dict[tuple[str, str], frozenset[str]] = {}
    for word in words:
        match = _SCOPE.fullmatch(word)
        if match is None:
            raise TokenRequestInvalid(
                "scope should be such as repository:team/app:pull,push", {"scope": word[:256]}
            )
        resource = match["type"], match["name"]
        actions = frozenset(match["actions"].split(","))
        found[resource] = found.get(resource, frozenset()) | actions
    return tuple(Scope(kind, name, actions) for (kind, name), actions in found.items())


def grant(asked: Iterable[Scope], access: Access) -> tuple[Scope, ...]:
    """Give as much of what is asked as somebody may do; what nothing is left of is left out."""
    granted = (Scope(scope.type, scope.name, frozenset(_granted(scope, access))) for scope in asked)
    return tuple(scope for scope in granted if scope.actions)


def write(scopes: Iterable[Scope]) -> str:
    """Give scopes as text, with spaces between."""
    return " ".join(
        f"{scope.type}:{scope.name}:{','.join(sorted(scope.actions))}" for scope in scopes
    )


def _granted(scope: Scope, access: Access) -> Iterator[str]:
    if scope.type == "registry":
        if scope.name == _CATALOG and access.may_list:
            yield from scope.actions & _CATALOG_ACTIONS
    elif scope.type == "repository":
        try:
            name = RepositoryName.parse(scope.name)
        except NameInvalid:
            return
        for action in Action:
            asked = scope.actions & {action, _EVERY_ACTION}
            if asked and access.may(action, name):
                yield action.value
