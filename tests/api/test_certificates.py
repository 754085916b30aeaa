"""Identities of client certificates that a proxy has verified."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import ValidationError

from docker_registry.api.access import access
from docker_registry.auth.identity import Identity
from docker_registry.config import Settings
from tests import passwords
from tests.api.conftest import AppFactory, error_codes

HEADER = "X-Client-Subject"


@pytest.fixture
def behind_proxy(make_app: AppFactory) -> FlaskClient:
    return make_client(make_app)


def make_client(make_app: AppFactory, **settings: Any) -> FlaskClient:
    certificate = {"header": HEADER, **settings.pop("auth_certificate", {})}
    return make_app(auth=["certificate"], auth_certificate=certificate, **settings).test_client()


def test_subject_of_a_trusted_proxy(behind_proxy: FlaskClient) -> None:
    with behind_proxy as client:
        response = client.get("/v2/", headers={HEADER: "CN=alice,OU=team,OU=ops,O=Example,C=DE"})
        assert response.status_code == 200
        assert access().identity == Identity(
            method="certificate", name="alice", groups=frozenset({"team", "ops"})
        )


def test_without(behind_proxy: FlaskClient) -> None:
    for headers in ({}, {HEADER: ""}):
        response = behind_proxy.get("/v2/", headers=headers)
        assert response.status_code == 401
        assert "WWW-Authenticate" in response.headers


def test_header_of_somebody_else_counts_for_nothing(behind_proxy: FlaskClient) -> None:
    response = behind_proxy.get(
        "/v2/", headers={HEADER: "CN=alice"}, environ_overrides={"REMOTE_ADDR": "192.0.2.66"}
    )
    assert response.status_code == 401
    # Nor where the proxy says that the request is of the machine itself.
    response = behind_proxy.get(
        "/v2/",
        headers={HEADER: "CN=alice", "X-Forwarded-For": "127.0.0.1"},
        environ_overrides={"REMOTE_ADDR": "192.0.2.66"},
    )
    assert response.status_code == 401


def test_other_header_counts_for_nothing(behind_proxy: FlaskClient) -> None:
    headers = {"X-SSL-Client-S-DN": "CN=alice", "Client-Cert": ":AAAA:"}
    assert behind_proxy.get("/v2/", headers=headers).status_code == 401


def test_no_way_in_where_auth_has_none(make_app: AppFactory, tmp_path: Path) -> None:
    users = passwords.write(tmp_path / "htpasswd", passwords.line("bob", "pw"))
    client = make_app(
        auth=["htpasswd"],
        auth_htpasswd={"path": str(users)},
        auth_certificate={"header": HEADER},
    ).test_client()
    assert client.get("/v2/", headers={HEADER: "CN=alice"}).status_code == 401


def test_wrong_password_is_not_made_good(behind_proxy: FlaskClient) -> None:
    response = behind_proxy.get("/v2/", headers={HEADER: "CN=alice"}, auth=("alice", "guess"))
    assert response.status_code == 401


@pytest.mark.parametrize(
    "subject",
    ["(null)", "alice", "/CN=alice/O=Example", "O=Example", "CN=alice,CN=bob", "CN=a+CN=b", "CN="],
)
def test_subject_that_names_nobody(behind_proxy: FlaskClient, subject: str) -> None:
    response = behind_proxy.get("/v2/", headers={HEADER: subject})
    assert (response.status_code, error_codes(response)) == (401, ["UNAUTHORIZED"])


def test_two_headers_name_nobody(behind_proxy: FlaskClient) -> None:
    """A proxy that adds its header to that of the client: gunicorn puts a comma between."""
    assert behind_proxy.get("/v2/", headers={HEADER: "CN=bob,CN=alice"}).status_code == 401


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        (r"CN=Doe\, Jane,O=Example", "Doe, Jane"),
        (r"CN=J\C3\BCrgen", "Jürgen"),
        ("emailAddress=jane@example.org,CN=jane,serialNumber=7,GN=Jane", "jane"),
        ("CN=jane+UID=1000,DC=example,DC=org", "jane"),
    ],
)
def test_subjects_as_openssl_writes_them(
    behind_proxy: FlaskClient, subject: str, name: str
) -> None:
    with behind_proxy as client:
        assert client.get("/v2/", headers={HEADER: subject}).status_code == 200
        assert access().identity.name == name


@pytest.mark.parametrize(("user", "name"), [("UID", "1000"), ("emailAddress", "j@example.org")])
def test_another_attribute(make_app: AppFactory, user: str, name: str) -> None:
    with make_client(make_app, auth_certificate={"user": user}) as client:
        subject = "emailAddress=j@example.org,UID=1000,CN=jane"
        assert client.get("/v2/", headers={HEADER: subject}).status_code == 200
        assert access().identity.name == name


def test_rules(make_app: AppFactory) -> None:
    rules = [
        {"who": ["group:ops"], "repositories": "**", "may": ["pull", "push"]},
        {"who": ["user:bob"], "repositories": "bob/**", "may": ["push"]},
    ]
    client = make_client(make_app, policy=rules)

    def push(subject: str, repository: str) -> int:
        return client.post(
            f"/v2/{repository}/blobs/uploads/", headers={HEADER: subject}
        ).status_code

    assert push("CN=alice,OU=ops", "team/app") == 202
    assert push("CN=bob", "bob/app") == 202
    assert push("CN=bob", "team/app") == 403


def test_realm_is_that_of_the_proxy(behind_proxy: FlaskClient) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "r.example:5443"}
    challenge = behind_proxy.get("/v2/", headers=headers).headers["WWW-Authenticate"]
    assert 'realm="https://r.example:5443/auth/token"' in challenge


def test_subjects_are_not_logged(
    behind_proxy: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        behind_proxy.get("/v2/", headers={HEADER: "nonsense-subject"})
    assert "nonsense-subject" not in caplog.text


def test_what_is_no_header() -> None:
    with pytest.raises(ValidationError, match="name of a header"):
        Settings(auth_certificate={"header": "X Y"})
