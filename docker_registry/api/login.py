"""Logging in by a password, wherever one comes in: with a request, or to get a token."""

from __future__ import annotations

from flask import request

from docker_registry.api.context import context
from docker_registry.api.logins import noting
from docker_registry.auth import Authority
from docker_registry.auth.identity import Identity
from docker_registry.auth.method import Password
from docker_registry.auth.throttle import Attempt
from docker_registry.errors import IdentityUnavailable, Unauthorized

#: Characters that a user name may have. Keystone's forms name a user, a project and two domains.
USER_LENGTH = 1024
_WRONG = "user name or password is wrong"


@noting
def log_in(password: Password) -> Identity:
    """Give who sends a password. Only where there is authentication.

    :raises Unauthorized: it isn't good.
    :raises TooManyRequests: too many were not good, of late.
    :raises IdentityUnavailable: it can't be told now.
    """
    authority = context().authority
    assert authority is not None
    if not password.user or len(password.user) > USER_LENGTH:
        raise Unauthorized(_WRONG)
    attempt = authority.throttle.attempt(request.remote_addr, password.user)
    # Before the password is looked at in any way: a guess must learn nothing.
    attempt.check()
    recalled = authority.recall(password)
    if recalled is not None:
        return recalled
    with attempt.turn():
        attempt.check()
        # One that had its turn before may have brought the same password.
        identity = authority.recall(password) or _ask(authority, attempt, password)
        if identity is None:
            attempt.failed()
            raise Unauthorized(_WRONG)
        attempt.succeeded()
        return identity


def _ask(authority: Authority, attempt: Attempt, password: Password) -> Identity | None:
    """Ask all methods; where one has no answer, another may have found the password wrong."""
    try:
        return authority.log_in(password)
    except Unauthorized:
        attempt.failed()
        raise
    except IdentityUnavailable:
        # A method alone has looked at nothing, and its users are not to be locked out for that.
        if len(authority.methods) > 1:
            attempt.failed()
        raise
