"""What came of the login that a request tried, for whoever tells of it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import cast

from flask import g

from docker_registry.auth.identity import ANONYMOUS, Identity
from docker_registry.auth.method import Password
from docker_registry.errors import IdentityUnavailable, RegistryError, TooManyRequests


class Outcome(StrEnum):
    """What came of a login."""

    SUCCESS = "success"
    FAILURE = "failure"
    #: There were too many failures before.
    LIMITED = "limited"
    #: Nobody could be asked.
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Login:
    """A login that was tried.

    :ivar user: the name that was given, whether there is such a user or not.
    :ivar identity: who logged in; anonymous if nobody did.
    """

    user: str
    outcome: Outcome
    identity: Identity = ANONYMOUS


def note(login: Login) -> None:
    """Note that somebody tried to log in with this request."""
    g.login = login


def noted() -> Login | None:
    """Give the login that this request tried."""
    return cast(Login | None, g.get("login"))


def noting(log_in: Callable[[Password], Identity]) -> Callable[[Password], Identity]:
    """Have what logs in by a password note what came of it."""

    @wraps(log_in)
    def log_in_and_note(password: Password) -> Identity:
        try:
            identity = log_in(password)
        except RegistryError as error:
            note(Login(password.user, _outcome(error)))
            raise
        note(Login(password.user, Outcome.SUCCESS, identity))
        return identity

    return log_in_and_note


def _outcome(error: RegistryError) -> Outcome:
    if isinstance(error, TooManyRequests):
        return Outcome.LIMITED
    if isinstance(error, IdentityUnavailable):
        return Outcome.UNAVAILABLE
    return Outcome.FAILURE
