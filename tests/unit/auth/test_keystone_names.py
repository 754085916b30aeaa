"""What users of OpenStack may write for a user name, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.auth.keystone.names import (
    CredentialId,
    CredentialOf,
    Login,
    Named,
    TokenFor,
    User,
    parse,
    written,
)
from docker_registry.errors import Unauthorized

ID = "5a784a50e86d460aa331547fe4d05297"


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("alice", User(Named("alice"))),
        ("alice@Corp", User(Named("alice", "Corp"))),
        ("alice/web", User(Named("alice"), Named("web"))),
        ("alice@Corp/web", User(Named("alice", "Corp"), Named("web"))),
        ("alice@Corp/web@Shared", User(Named("alice", "Corp"), Named("web", "Shared"))),
        ("alice/web@Shared", User(Named("alice"), Named("web", "Shared"))),
        ("Ann Lee@Müller GmbH/Büro 1", User(Named("Ann Lee", "Müller GmbH"), Named("Büro 1"))),
        ("a%40b.org@Corp/r%2Fd%25", User(Named("a@b.org", "Corp"), Named("r/d%"))),
        ("a%3Ab/M%C3%BCller", User(Named("a:b"), Named("Müller"))),
        ("alice/appcred/robot", CredentialOf(Named("alice"), "robot")),
        ("alice@Corp/appcred/a%2Fb", CredentialOf(Named("alice", "Corp"), "a/b")),
        (ID, CredentialId(ID)),
        ("token", TokenFor()),
        ("token/web", TokenFor(Named("web"))),
        ("token/web@Shared", TokenFor(Named("web", "Shared"))),
        # What is nearly one of the special words is a name.
        (f"{ID}@Default", User(Named(ID, "Default"))),
        (f"{ID}/web", User(Named(ID), Named("web"))),
        (ID.upper(), User(Named(ID.upper()))),
        (f"{ID}0", User(Named(f"{ID}0"))),
        ("token@Default", User(Named("token", "Default"))),
        ("Token", User(Named("Token"))),
        ("token/appcred/robot", CredentialOf(Named("token"), "robot")),
        ("alice/appcred", User(Named("alice"), Named("appcred"))),
    ],
)
def test_forms(text: str, login: Login) -> None:
    assert parse(text) == login


@pytest.mark.parametrize(
    "text",
    [
        *("", "/", "@", "alice/", "/web", "alice@", "@Corp", "alice@Corp/", "alice/web@"),
        *("a@b@c", "alice/web@b@c", "alice/web/", "alice//web", "alice/web/x", "a/b/c/d"),
        *("alice/appcred/", "alice/Appcred/x", "token/", "token/a@b@c", "/appcred/x"),
        *("100%", "a%4", "a%zz", "a%", "%FF", "%C3"),
        "x" * 256,
        f"alice/{'x' * 256}",
    ],
)
def test_what_has_no_single_reading_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(Unauthorized, match="user name"):
        parse(text)


NAMES = st.text(min_size=1, max_size=20).filter(lambda name: name.isprintable())


@given(NAMES, NAMES, NAMES)
def test_what_is_written_is_read_as_the_same(user: str, domain: str, credential: str) -> None:
    assert parse(written(user, domain)) == User(Named(user, domain))
    assert parse(written(user, domain, credential)) == CredentialOf(Named(user, domain), credential)


def test_identities_are_told_apart_whatever_users_are_called() -> None:
    assert (
        len(
            {
                written("a@b"),
                written("a", "b"),
                written("a", None, "b"),
                written("a/appcred/b"),
                written("a%40b"),
            }
        )
        == 5
    )
    # They are in logs and headers.
    assert written("a\r\nb") == "a%0D%0Ab"
