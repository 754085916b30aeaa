"""Users whom a test names, and applications that ask them who they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from docker_registry.app import App
from docker_registry.auth import Authority
from docker_registry.auth.access import Access, Scope, TokenAccess
from docker_registry.auth.identity import ANONYMOUS, Identity
from docker_registry.auth.method import Method, Password
from docker_registry.auth.policy import Action, Policy, Rule, check_pattern, check_who
from docker_registry.config import Settings

SECRET = "correct-horse-battery"
#: Settings of authentication, so that all routes are there; ``ask`` says by whom.
AUTH: dict[str, Any] = {"auth": ["htpasswd"], "auth_htpasswd": {"path": "/nowhere/users"}}
GUARDED = Settings(storage="memory", search_backend=None, **AUTH)


#: What an authority has of tokens.
TOKENS = ("issued", "bearers", "index_tokens")


class Roll(Method):
    """Users in memory, all with the same password."""

    name = "htpasswd"

    def __init__(self, *identities: Identity) -> None:
        self.identities = {identity.name: identity for identity in identities}

    def log_in(self, password: Password) -> Identity | None:
        return self.identities.get(password.user) if password.secret == SECRET else None

    def renew(self, identity: Identity) -> Identity | None:
        return self.identities.get(identity.name)


@dataclass(frozen=True)
class TokenAuthority(Authority):
    """Gives to each who logs in what a token gives to its holder.

    :ivar scopes: what the token is for.
    """

    scopes: tuple[Scope, ...] = field(default=(), kw_only=True)

    def access(self, identity: Identity = ANONYMOUS) -> Access:
        holder = super().access(identity)
        return holder if identity.is_anonymous else TokenAccess(identity, self.scopes, holder)


def user(name: str, *groups: str, **more: Any) -> Identity:
    return Identity("htpasswd", name, frozenset(groups), **more)


def policy(*rules: tuple[str, str, str]) -> Policy:
    """Make rules of whom, patterns and actions, words between spaces."""
    return Policy(
        Rule(
            tuple(map(check_who, who.split())),
            check_pattern(pattern),
            frozenset(map(Action, actions.split())),
        )
        for who, pattern, actions in rules
    )


def ask(app: Flask, authority: Authority) -> Flask:
    """Have an application ask an authority, which takes over its tokens."""
    (key, context) = next(
        (key, one) for key, one in app.extensions.items() if hasattr(one, "authority")
    )
    assert key == "docker_registry"
    if context.authority is not None:
        tokens = {name: getattr(context.authority, name) for name in TOKENS}
        authority = dataclasses.replace(authority, **tokens)
    replaced = dataclasses.replace(context, authority=authority)
    replaced.install(app)
    assert isinstance(app, App)
    app.express.context = replaced
    return app


@dataclass(frozen=True)
class Caller:
    """A client that sends a user's password with each request, or nothing."""

    client: FlaskClient
    name: str | None = None
    secret: str = SECRET

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> TestResponse:
        auth = (self.name, self.secret) if self.name is not None else None
        return self.client.open(path, method=method, auth=auth, headers=headers, **more)

    def post(self, path: str, **more: Any) -> TestResponse:
        return self("POST", path, **more)

    def put(self, path: str, **more: Any) -> TestResponse:
        return self("PUT", path, **more)


def callers(app: Flask, names: Iterable[str]) -> dict[str, Caller]:
    """Give a client for each user, and one for anonymous."""
    client = app.test_client()
    return {"anonymous": Caller(client), **{name: Caller(client, name) for name in names}}
