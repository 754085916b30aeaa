"""Logging in by a password, wherever one comes in: with a request, or to get a token."""

from __future__ import annotations

from docker_registry.api.context import context
from docker_registry.auth.identity import Identity
from docker_registry.auth.method import Password
from docker_registry.errors import Unauthorized

#: Characters that a user name may have. Keystone's forms name a user, a project and two domains.
USER_LENGTH = 1024


def log_in(password: Password) -> Identity:
    """Give who sends a password. Only where there is authentication.

    :raises Unauthorized: it isn't good.
    :raises TooManyRequests: too many were not good, of late.
    :raises IdentityUnavailable: it can't be told now.
    """
    authority = context().authority
    assert authority is not None
    if not password.user or len(password.user) > USER_LENGTH:
        raise Unauthorized("user name or password is wrong")
    identity = authority.log_in(password)
    if identity is None:
        raise Unauthorized("user name or password is wrong")
    return identity
