"""A registry of two teams, and their members as clients of V1."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from pathlib import Path

import bcrypt
from flask import Flask
from flask.testing import FlaskClient

from docker_registry.app import create_app
from docker_registry.config import Settings
from tests.api.v1.pushes import V1Pushes, WholeAnswers

RULES = [
    {"who": ["user:root"], "repositories": "**", "may": ["admin"]},
    {"who": ["user:auditor"], "repositories": "**", "may": ["pull"]},
    {"who": ["user:alice"], "repositories": "team-a/**", "may": ["push", "delete"]},
    {"who": ["user:reader"], "repositories": "team-a/**", "may": ["pull"]},
    {"who": ["user:bob"], "repositories": "team-b/**", "may": ["push", "delete"]},
    # docker.io's "library" of V1: names of one component.
    {"who": ["user:bob"], "repositories": "busybox", "may": ["push"]},
    {"who": ["anonymous"], "repositories": "open/**", "may": ["pull"]},
]
USERS = ("root", "auditor", "alice", "reader", "bob", "nobody")
#: Which the anonymous user is.
ANONYMOUS = ""


def password(user: str) -> str:
    return f"password of {user}"


def basic(user: str, secret: str | None = None) -> str:
    pair = f"{user}:{password(user) if secret is None else secret}"
    return f"Basic {b64encode(pair.encode()).decode()}"


@cache
def users() -> str:
    """Give the lines of a file of htpasswd, whose passwords are quick to compare."""
    hashes = (bcrypt.hashpw(password(user).encode(), bcrypt.gensalt(4)) for user in USERS)
    lines = zip(USERS, hashes, strict=True)
    return "".join(f"{user}:{one.decode()}\n" for user, one in lines)


def users_file(directory: Path) -> Path:
    path = directory / "users"
    path.write_text(users())
    return path


class Site:
    """An application with authentication."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self.directory = directory
        self.app = self.node(**settings)

    def node(self, **settings: object) -> Flask:
        """Give an application over the same store."""
        whole: dict[str, object] = {
            "storage": "local",
            "storage_path": str(self.directory / "store"),
            "storage_fsync": False,
            "search_backend": None,
            "auth": ["htpasswd"],
            "auth_htpasswd": {"path": str(users_file(self.directory))},
            "policy": RULES,
            **settings,
        }
        app = create_app(Settings(**whole))
        app.test_client_class = WholeAnswers
        return app

    def client(self, user: str = ANONYMOUS) -> FlaskClient:
        """Give a client that sends a user's password with each request."""
        return self.with_header(basic(user) if user else None)

    def with_header(self, authorization: str | None) -> FlaskClient:
        client = self.app.test_client()
        if authorization:
            client.environ_base["HTTP_AUTHORIZATION"] = authorization
        return client

    def pushes(self, user: str = ANONYMOUS) -> V1Pushes:
        return V1Pushes(self.client(user))

    def token(self, user: str, repository: str, access: str = "write") -> str:
        """Give the token that the index side gives to a user."""
        client = self.client(user)
        path = f"/v1/repositories/{repository}/"
        ask = {
            "write": lambda: client.put(path, data="[]"),
            "read": lambda: client.get(f"{path}images"),
            "delete": lambda: client.delete(f"{path}images"),
        }[access]
        answer = ask()
        assert answer.status_code in (200, 204), answer.data
        return answer.headers["X-Docker-Token"]
