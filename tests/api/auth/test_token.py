"""``/auth/token``, and what its tokens are good for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jws

from tests.api.auth.conftest import PASSWORDS, bearer, token_for, write_users
from tests.api.conftest import error_codes

ALICE = ("alice", PASSWORDS["alice"])
CATALOG = "registry:catalog:*"


def claims(token: str) -> dict[str, object]:
    payload: dict[str, object] = json.loads(jws.extract_compact(token.encode()).payload)
    return payload


def test_what_docker_is_told_leads_to_a_token(guarded: FlaskClient) -> None:
    refused = guarded.get("/v2/")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == (
        'Bearer realm="http://localhost/auth/token",service="docker-registry"'
    )

    answer = guarded.get("/auth/token?service=docker-registry", auth=ALICE)

    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.get_json()
    assert body["token"] == body["access_token"]
    assert body["expires_in"] == 300
    assert "refresh_token" not in body
    issued = datetime.strptime(body["issued_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - issued).total_seconds()) < 60
    assert guarded.get("/v2/", headers=bearer(body["token"])).status_code == 200


@pytest.mark.parametrize(
    ("user", "asked", "granted"),
    [
        ("alice", "repository:alice/app:pull,push", "repository:alice/app:pull,push"),
        ("alice", "repository:bob/app:pull,push", ""),
        ("alice", "repository:public/app:pull,push", "repository:public/app:pull"),
        ("alice", "repository:alice/app:*", "repository:alice/app:delete,pull,push"),
        ("alice", "repository(plugin):alice/app:pull", "repository:alice/app:pull"),
        ("alice", "repository:localhost:5000/alice/app:pull", ""),
        ("alice", "repository:Alice/app:pull", ""),
        ("alice", "repository:alice/app:fly", ""),
        ("alice", "other:alice/app:pull", ""),
        ("alice", "registry:catalog:*", "registry:catalog:*"),
        ("alice", "registry:catalog:search", "registry:catalog:search"),
        ("alice", "registry:other:*", ""),
        ("", "repository:public/app:pull,push", "repository:public/app:pull"),
        ("", "repository:alice/app:pull", ""),
        ("", "registry:catalog:*", "registry:catalog:*"),
        ("alice", "repository:alice/a:pull repository:public/b:pull", None),
        ("alice", "", ""),
    ],
)
def test_as_much_as_the_rules_give(
    guarded: FlaskClient, user: str, asked: str, granted: str | None
) -> None:
    granted = asked if granted is None else granted

    answer = token_for(guarded, asked, user=user)

    assert answer["scope"] == granted
    access = claims(answer["token"])["access"]
    assert isinstance(access, list) and len(access) == len(granted.split())


def test_nothing_is_listed_for_whom_no_rule_is(make_guarded: Callable[..., Flask]) -> None:
    client = make_guarded(policy=[]).test_client()
    assert token_for(client, CATALOG, user="")["scope"] == ""
    assert token_for(client, CATALOG)["scope"] == CATALOG


@pytest.mark.parametrize(
    "query",
    [
        "service=other",
        "scope=repository:app",
        "scope=repository:app:",
        "scope=:app:pull",
        "scope=repository::pull",
        "scope=repository:app:pull,,push",
        "scope=repository:app%0a:pull",
        "scope=%00",
        "&".join(f"scope=repository:app{number}:pull" for number in range(40)),
        f"scope=repository:{'a' * 5000}:pull",
    ],
)
def test_what_can_not_be_read(guarded: FlaskClient, query: str) -> None:
    answer = guarded.get(f"/auth/token?{query}", auth=ALICE)
    assert answer.status_code == 400
    assert error_codes(answer) == ["UNSUPPORTED"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "authorization",
    ["Basic YWxpY2U6d3Jvbmc=", "Basic !", "Basic", "Bearer x", "Token y", "Basic Og=="],
)
def test_wrong_credentials(guarded: FlaskClient, authorization: str) -> None:
    answer = guarded.get("/auth/token", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert error_codes(answer) == ["UNAUTHORIZED"]
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_token_is_for_what_it_says(guarded: FlaskClient) -> None:
    token = token_for(guarded, "repository:alice/app:pull")["token"]

    assert guarded.get("/v2/alice/app/tags/list", headers=bearer(token)).status_code == 404
    refused = guarded.post("/v2/alice/app/blobs/uploads/", headers=bearer(token))

    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == (
        'Bearer realm="http://localhost/auth/token",service="docker-registry",'
        'scope="repository:alice/app:pull,push",error="insufficient_scope"'
    )
    assert guarded.get("/v2/_catalog", headers=bearer(token)).status_code == 401


def test_a_token_gives_no_more_than_the_rules_do_now(
    make_guarded: Callable[..., Flask], tmp_path: Path
) -> None:
    store = {"storage": "local", "storage_path": str(tmp_path / "store")}
    one = make_guarded(**store).test_client()
    token = token_for(one, "repository:alice/app:pull,push")["token"]
    assert one.get("/v2/alice/app/tags/list", headers=bearer(token)).status_code == 404

    stricter = make_guarded(**store, policy=[]).test_client()
    strictest = make_guarded(
        **store, policy=[{"who": ["any-user"], "repositories": "other", "may": ["pull"]}]
    ).test_client()

    assert stricter.get("/v2/alice/app/tags/list", headers=bearer(token)).status_code == 404
    assert strictest.get("/v2/alice/app/tags/list", headers=bearer(token)).status_code == 401


def test_nodes_with_one_store_take_each_others_tokens(
    make_guarded: Callable[..., Flask], tmp_path: Path
) -> None:
    store = {"storage": "local", "storage_path": str(tmp_path / "store")}
    clients = [make_guarded(**store).test_client() for _ in range(3)]
    for client in clients:
        assert client.get("/v2/", headers=bearer(token_for(client)["token"])).status_code == 200

    for giver in clients:
        token = token_for(giver)["token"]
        for taker in clients:
            assert taker.get("/v2/", headers=bearer(token)).status_code == 200


def test_another_registrys_token(make_guarded: Callable[..., Flask]) -> None:
    one, other = (make_guarded().test_client() for _ in range(2))
    token_for(one)
    token = token_for(other)["token"]

    refused = one.get("/v2/", headers=bearer(token))

    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert error_codes(refused) == ["UNAUTHORIZED"]


def test_refresh_token(guarded: FlaskClient) -> None:
    refresh = token_for(guarded, offline_token="true")["refresh_token"]
    form = {
        "grant_type": "refresh_token",
        "service": "docker-registry",
        "client_id": "docker",
        "scope": "repository:alice/app:pull repository:bob/app:pull",
        "refresh_token": refresh,
    }

    answer = guarded.post("/auth/token", data=form)

    assert answer.status_code == 200
    assert answer.get_json()["scope"] == "repository:alice/app:pull"
    assert "refresh_token" not in answer.get_json()
    token = answer.get_json()["access_token"]
    assert guarded.get("/v2/alice/app/tags/list", headers=bearer(token)).status_code == 404


def test_one_kind_of_token_is_not_the_other(guarded: FlaskClient) -> None:
    answer = token_for(guarded, offline_token="true")

    refused = guarded.get("/v2/", headers=bearer(answer["refresh_token"]))
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    form = {"grant_type": "refresh_token", "refresh_token": answer["access_token"]}
    assert guarded.post("/auth/token", data=form).status_code == 401


@pytest.mark.parametrize("left", [{"bob": "builder"}, {"alice": "another", "bob": "builder"}])
def test_refresh_token_of_who_is_gone_or_has_another_password(
    guarded: FlaskClient, users: Path, left: dict[str, str]
) -> None:
    refresh = token_for(guarded, offline_token="true")["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    assert guarded.post("/auth/token", data=form).status_code == 200

    write_users(users, left)

    refused = guarded.post("/auth/token", data=form)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic ")


def test_no_refresh_tokens(make_guarded: Callable[..., Flask], guarded: FlaskClient) -> None:
    assert "refresh_token" not in token_for(guarded, user="", offline_token="true")
    without = make_guarded(tokens={"refresh_seconds": 0}).test_client()
    assert "refresh_token" not in token_for(without, offline_token="true")


def test_password_grant(guarded: FlaskClient) -> None:
    form = {
        "grant_type": "password",
        "service": "docker-registry",
        "client_id": "oras",
        "scope": "repository:alice/app:pull",
        "username": "alice",
        "password": PASSWORDS["alice"],
    }
    answer = guarded.post("/auth/token", data=form).get_json()
    assert answer["scope"] == "repository:alice/app:pull"
    assert "refresh_token" not in answer
    offline = guarded.post("/auth/token", data={**form, "access_type": "offline"}).get_json()
    assert offline["refresh_token"]

    refused = guarded.post("/auth/token", data={**form, "password": "wrong"})
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 400),
        ({"grant_type": "client_credentials"}, 400),
        ({"grant_type": "password"}, 400),
        ({"grant_type": "password", "username": "alice"}, 400),
        ({"grant_type": "refresh_token"}, 400),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "x" * 20_000}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "x" * 40_000}, 413),
        ({"grant_type": "password", "service": "other"}, 400),
    ],
)
def test_forms_that_are_refused(guarded: FlaskClient, form: dict[str, str], status: int) -> None:
    answer = guarded.post("/auth/token", data=form)
    assert answer.status_code == status
    assert error_codes(answer)
    assert answer.headers["Cache-Control"] == "no-store"


def test_other_bodies_are_refused(guarded: FlaskClient) -> None:
    body = json.dumps({"grant_type": "password"})
    answer = guarded.post("/auth/token", data=body, content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "..",
        "[" * 4000,
        "e30.e30.",
        "bnVsbA.bnVsbA.bnVsbA",
        "é.é.é",
        "x" * 100_000,
    ],
)
def test_bearers_of_rubbish(guarded: FlaskClient, token: str) -> None:
    refused = guarded.get("/v2/", headers=bearer(token))
    assert refused.status_code == 401, refused.data
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")


def test_read_only_registries_give_tokens(make_guarded: Callable[..., Flask]) -> None:
    client = make_guarded(read_only=True).test_client()
    form = {"grant_type": "password", "username": "alice", "password": PASSWORDS["alice"]}
    assert client.post("/auth/token", data=form).status_code == 200


def test_below_a_prefix(make_guarded: Callable[..., Flask]) -> None:
    client = make_guarded(url_prefix="/registry").test_client()
    refused = client.get("/registry/v2/")
    realm = refused.headers["WWW-Authenticate"].split('"')[1]
    assert realm == "http://localhost/registry/auth/token"
    assert client.get("/registry/auth/token", auth=ALICE).status_code == 200


def test_without_tokens(make_guarded: Callable[..., Flask]) -> None:
    client = make_guarded(tokens={"enabled": False}).test_client()
    assert client.get("/v2/").headers["WWW-Authenticate"].startswith("Basic ")
    assert client.get("/v2/", auth=ALICE).status_code == 200
    assert client.get("/auth/token", auth=ALICE).status_code == 404
    assert client.get("/v2/", headers=bearer("x")).status_code == 401


def test_while_the_storage_is_away(make_guarded: Callable[..., Flask], tmp_path: Path) -> None:
    # A file in the place of the directory: nothing can be listed or made below it.
    store = tmp_path / "store/docker/registry"
    client = make_guarded(storage="local", storage_path=str(tmp_path / "store")).test_client()
    store.mkdir(parents=True)
    (store / "ours").write_text("")

    answer = client.get("/auth/token", auth=ALICE)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    (store / "ours").unlink()
    assert client.get("/auth/token", auth=ALICE).status_code == 200
