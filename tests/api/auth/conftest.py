"""A registry with users of a file, and what clients do to get tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.conftest import AppFactory

PASSWORDS = {"alice": "wonderland", "bob": "builder"}
POLICY = [
    {"who": ["anonymous", "any-user"], "repositories": "public/**", "may": ["pull"]},
    {"who": ["any-user"], "repositories": "{user}/**", "may": ["pull", "push", "delete"]},
]


def write_users(path: Path, passwords: dict[str, str]) -> None:
    lines = (
        f"{user}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n"
        for user, password in passwords.items()
    )
    path.write_text("".join(lines))


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "users"
    write_users(path, PASSWORDS)
    return path


@pytest.fixture
def make_guarded(make_app: AppFactory, users: Path) -> Callable[..., Flask]:
    def make(**settings: Any) -> Flask:
        given: dict[str, Any] = {
            "auth": ["htpasswd"],
            "auth_htpasswd": {"path": str(users)},
            "policy": POLICY,
        }
        return make_app(**{**given, **settings})

    return make


@pytest.fixture
def guarded(make_guarded: Callable[..., Flask]) -> Iterator[FlaskClient]:
    with make_guarded().test_client() as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def token_for(client: FlaskClient, *scopes: str, user: str = "alice", **more: str) -> Any:
    """Ask for a token, as Docker does, and give the whole answer."""
    auth = (user, PASSWORDS[user]) if user else None
    response = client.get("/auth/token", query_string={"scope": scopes, **more}, auth=auth)
    assert response.status_code == 200, response.data
    return response.get_json()
