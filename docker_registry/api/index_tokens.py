"""V1's tokens: given out with an index server's answers, and sent back with what follows.

::

    X-Docker-Token: Token signature=<ours>,repository="team/app",access=write
    Authorization: Token signature=<ours>,repository="team/app",access=write

The signature is a token of our own, which names the repository and what may be done. What stands
beside it is for the client, and has to agree with it. The rules are asked at each request, too.
"""

from __future__ import annotations

import re
from urllib.parse import quote_plus

from flask import request

from docker_registry.auth import Authority
from docker_registry.auth.access import Access, Scope, TokenAccess
from docker_registry.auth.jws import Token
from docker_registry.auth.policy import Action
from docker_registry.errors import NameInvalid, Unauthorized
from docker_registry.legacy.names import RepositoryName

#: The words of V1 for what a token is good for, and ours.
ACTIONS = {
    "read": frozenset({Action.PULL}),
    "write": frozenset({Action.PULL, Action.PUSH}),
    "delete": frozenset({Action.DELETE}),
}

#: Docker puts the scheme in front of what it was given, which may have it already.
_TOKEN = re.compile(
    r"(?:Token\s+){1,2}"
    r"signature=(?P<signature>[\w.-]+),\s*"
    r'repository="(?P<repository>[^"]+)",\s*'
    r"access=(?P<access>\w+)",
    re.ASCII | re.IGNORECASE,
)


def write_token(name: RepositoryName, access: str, signature: str) -> str:
    """Give a token as header.

    :param access: a key of ``ACTIONS``.
    """
    return f'Token signature={signature},repository="{_quote(name)}",access={access}'


def sign(authority: Authority, asking: Access, name: RepositoryName, access: str) -> str | None:
    """Give the signature of a token for what somebody may do; ``None`` if there are no tokens.

    There are none for a name that is none today: rules say nothing of it. Who comes with a token
    gets no other one, which would be good for longer, but the same.

    :param access: a key of ``ACTIONS``; that he may do it was found before.
    """
    if asking.is_limited:
        match = _TOKEN.fullmatch(request.headers.get("Authorization", ""))
        return match["signature"] if match else None
    if authority.index_tokens is None:
        return None
    try:
        scope = Scope("repository", name.todays(), frozenset(ACTIONS[access]))
    except NameInvalid:
        return None
    return authority.index_tokens.issue(asking.identity, [scope])


def read_token(authority: Authority, header: str) -> Access:
    """Give what a token lets its bearer do.

    :raises Unauthorized: it is none, or for something else than it says.
    :raises TokenInvalid: it is not good.
    """
    match = _TOKEN.fullmatch(header)
    if match is None or authority.index_tokens is None:
        raise Unauthorized("the token is not one of this registry: log in")
    verified = authority.index_tokens.verify(Token(match["signature"]))
    if not any(_is_for(scope, match["repository"], match["access"]) for scope in verified.scopes):
        raise Unauthorized("the token is for another repository, or for something else")
    return TokenAccess(verified.identity, verified.scopes, authority.access(verified.identity))


def _is_for(scope: Scope, repository: str, access: str) -> bool:
    return (
        scope.actions == ACTIONS.get(access)
        and _quote(RepositoryName.parse(scope.name)) == repository
    )


def _quote(name: RepositoryName) -> str:
    return f"{quote_plus(name.namespace)}/{quote_plus(name.repository)}"
