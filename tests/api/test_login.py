"""Passwords that come with requests: HTTP's Basic scheme, where there are no tokens."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path

import bcrypt
import pytest
from flask.testing import FlaskClient

from docker_registry.api.context import Context
from docker_registry.auth.identity import Identity
from docker_registry.auth.method import Password
from docker_registry.errors import IdentityUnavailable, RegistryError, Unauthorized
from tests import passwords
from tests.api.conftest import AppFactory, Pushes, error_codes, sha256
from tests.api.roll import Roll, ask
from tests.api.test_permissions import ROUTES

CHALLENGE = 'Basic realm="docker-registry", charset="UTF-8"'
V2 = [route for route in ROUTES if route[2].startswith("v2.") and route[0] != "OPTIONS"]
PING = "/v2/"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return passwords.write(
        tmp_path / "users", passwords.line("alice", "right"), passwords.line("böb", "pässword")
    )


@pytest.fixture
def client(make_app: AppFactory, path: Path) -> FlaskClient:
    return make_app(
        auth=["htpasswd"],
        auth_htpasswd={"path": str(path)},
        auth_limits={"per_address": 6, "per_user": 3, "seconds": 60},
        tokens={"enabled": False},
    ).test_client()


def basic(user: str | bytes, password: str | bytes = b"") -> dict[str, str]:
    user, password = (part.encode() if isinstance(part, str) else part for part in (user, password))
    return {"Authorization": "Basic " + base64.b64encode(user + b":" + password).decode()}


def ping(client: FlaskClient, user: str, password: str, address: str = "10.0.0.1") -> int:
    return client.get(
        PING, headers=basic(user, password), environ_base={"REMOTE_ADDR": address}
    ).status_code


@pytest.mark.parametrize(("method", "path_", "endpoint"), V2)
def test_every_route_asks_for_a_password_and_takes_it(
    client: FlaskClient, method: str, path_: str, endpoint: str
) -> None:
    nobody = client.open(path_, method=method)
    assert nobody.status_code == 401
    assert nobody.headers["WWW-Authenticate"] == CHALLENGE
    wrong = client.open(path_, method=method, headers=basic("alice", "wrong"))
    assert wrong.status_code == 401
    assert wrong.headers["WWW-Authenticate"] == CHALLENGE
    if method != "HEAD":
        assert error_codes(nobody) == error_codes(wrong) == ["UNAUTHORIZED"]
    right = client.open(path_, method=method, headers=basic("alice", "right"))
    assert right.status_code not in (401, 403, 429, 500)


def test_a_push_and_a_pull(client: FlaskClient) -> None:
    client.environ_base["HTTP_AUTHORIZATION"] = basic("böb", "pässword")["Authorization"]
    Pushes(client).image(b"layer", tag="v1")
    assert client.get(f"/v2/team/app/blobs/{sha256(b'layer')}").data == b"layer"


def test_nobody_but_a_user_sees_whether_something_is_there(client: FlaskClient) -> None:
    pushes = Pushes(client)
    client.environ_base["HTTP_AUTHORIZATION"] = basic("alice", "right")["Authorization"]
    pushes.image(b"layer", tag="v1")
    del client.environ_base["HTTP_AUTHORIZATION"]
    there, not_there = (client.get(pushes.url(f"manifests/{tag}")) for tag in ("v1", "v2"))
    assert there.status_code == not_there.status_code == 401
    assert there.data == not_there.data


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic YQ",
        "Basic a",
        "basic " + base64.b64encode(b"alice:wrong").decode(),
        "Basic " + base64.b64encode(b"alice").decode(),
        "Basic " + base64.b64encode(b":right").decode(),
        "Basic " + base64.b64encode(b":").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:right").decode(),
        "Basic " + base64.b64encode(b"alice:\xff").decode(),
        "Basic " + base64.b64encode(b"alice\0:right").decode(),
        "Basic " + base64.b64encode(b"alice:right\0").decode(),
        "Basic " + base64.b64encode(b"alice:right\n").decode(),
        "Basic " + base64.b64encode(b"alice:" + b"x" * 1_000_000).decode(),
        "Basic " + base64.b64encode(b"x" * 1_000_000 + b":right").decode(),
        "Basic username=alice, password=right",
        "Basic \xe4",
        "Bas\xefc YTpi",
        "",
        " ",
        "Digest username=alice",
        "alice:right",
    ],
)
def test_credentials_that_are_none(client: FlaskClient, header: str) -> None:
    response = client.get(PING, headers={"Authorization": header})
    assert response.status_code == 401
    assert error_codes(response) == ["UNAUTHORIZED"]
    assert response.headers["WWW-Authenticate"] == CHALLENGE
    assert b"right" not in response.data and b"alice" not in response.data


def test_a_password_with_colons_and_a_scheme_in_any_case(client: FlaskClient, path: Path) -> None:
    passwords.write(path, passwords.line("alice", "a:b:c"))
    header = basic("alice", "a:b:c")["Authorization"]
    for value in (header, header.replace("Basic", "bAsIc")):
        assert client.get(PING, headers={"Authorization": value}).status_code == 200


def test_too_many_failures_of_a_user(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [ping(client, "alice", "wrong") for _ in range(4)] == [401, 401, 401, 429]
    # Nothing is compared any more: neither a right guess nor a costly one tells anything.
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: pytest.fail("compared"))
    response = client.get(
        PING, headers=basic("alice", "right"), environ_base={"REMOTE_ADDR": "10.0.0.1"}
    )
    assert response.status_code == 429
    assert error_codes(response) == ["TOOMANYREQUESTS"]
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert "WWW-Authenticate" not in response.headers
    monkeypatch.undo()
    assert ping(client, "böb", "pässword") == 200
    assert ping(client, "alice", "right", "10.0.0.2") == 200


def test_a_user_who_is_known_here_already_is_no_oracle(client: FlaskClient) -> None:
    assert ping(client, "alice", "right") == 200
    assert [ping(client, "alice", f"wrong{n}") for n in range(4)] == [401, 401, 401, 429]
    assert ping(client, "alice", "right") == 429


def test_too_many_failures_from_an_address(client: FlaskClient) -> None:
    assert {ping(client, f"user{n}", "wrong") for n in range(6)} == {401}
    assert ping(client, "alice", "right") == 429
    assert ping(client, "alice", "right", "10.0.0.2") == 200


def test_unknown_users_are_limited_as_known_ones_are(client: FlaskClient) -> None:
    assert [ping(client, "nobody", "wrong") for _ in range(4)] == [401, 401, 401, 429]


class Other(Roll):
    """Another way to log in, which is asked behind the file and says nothing of passwords."""

    def __init__(self, error: RegistryError) -> None:
        super().__init__()
        self.error = error

    def log_in(self, password: Password) -> Identity | None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"), [(Unauthorized("no such form"), 401), (IdentityUnavailable("away"), 503)]
)
def test_guesses_count_although_another_method_has_no_answer(
    client: FlaskClient, error: RegistryError, status: int
) -> None:
    context: Context = client.application.extensions["docker_registry"]
    assert context.authority is not None
    methods = [*context.authority.methods, Other(error)]
    ask(client.application, dataclasses.replace(context.authority, methods=methods))
    assert [ping(client, "alice", f"wrong {n}") for n in range(4)] == [status] * 3 + [429]
    assert ping(client, "alice", "right") == 429


def test_mistakes_before_a_success_are_forgotten(client: FlaskClient) -> None:
    for _ in range(2):
        assert [ping(client, "alice", "wrong") for _ in range(2)] == [401, 401]
        assert ping(client, "alice", "right") == 200


def test_requests_without_a_password_are_not_counted(client: FlaskClient) -> None:
    for _ in range(10):
        assert client.get(PING, environ_base={"REMOTE_ADDR": "10.0.0.1"}).status_code == 401
    assert ping(client, "alice", "right") == 200


def test_a_changed_file_counts_for_the_next_request(client: FlaskClient, path: Path) -> None:
    assert ping(client, "alice", "right") == 200
    passwords.write(path, passwords.line("carla", "new"))
    assert ping(client, "alice", "right") == 401
    assert ping(client, "carla", "new") == 200


def test_a_file_that_is_gone_is_no_verdict(client: FlaskClient, path: Path) -> None:
    assert ping(client, "alice", "right") == 200
    path.unlink()
    for _ in range(5):
        response = client.get(PING, headers=basic("alice", "right"))
        assert response.status_code == 503
        assert error_codes(response) == ["UNAVAILABLE"]
        assert response.headers["Retry-After"]
    passwords.write(path, passwords.line("alice", "right"))
    assert ping(client, "alice", "right") == 200


def test_requests_with_one_password_compare_it_once(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    compare = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda *a: compared.append(1) or compare(*a))
    assert {ping(client, "alice", "right") for _ in range(20)} == {200}
    assert len(compared) == 1


def test_no_secret_is_logged(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for n in range(8):
        ping(client, "alice", f"hunter{n}")
    assert caplog.records
    assert "hunter" not in caplog.text
