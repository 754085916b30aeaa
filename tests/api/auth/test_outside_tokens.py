"""Tokens of an outside issuer, alone and beside users of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from docker_registry.errors import ConfigError
from tests.api.auth.conftest import PASSWORDS, bearer, token_for
from tests.unit.auth.tokens import ISSUER, OTHER_RSA, RSA, SERVICE, claims, token

REALM = "https://issuer.example.org/token"


@pytest.fixture
def issuer(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "issuer.pem"
    path.write_bytes(RSA.as_pem(private=False))
    return {"name": ISSUER, "realm": REALM, "service": SERVICE, "certificates": str(path)}


def test_alone(make_guarded: Callable[..., Flask], issuer: dict[str, Any]) -> None:
    # No rule gives anything: the token alone decides.
    client = make_guarded(auth=["token"], auth_token=issuer, policy=[]).test_client()
    tags = "/v2/team/app/tags/list"

    refused = client.get(tags)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == (
        f'Bearer realm="{REALM}",service="{SERVICE}",scope="repository:team/app:pull"'
    )
    assert client.get(tags, headers=bearer(token())).status_code == 404
    pushed = client.post("/v2/team/app/blobs/uploads/", headers=bearer(token()))
    assert pushed.status_code == 202
    deleted = client.delete("/v2/team/app/manifests/v1", headers=bearer(token()))
    assert deleted.status_code == 401
    assert 'error="insufficient_scope"' in deleted.headers["WWW-Authenticate"]
    other = client.get("/v2/other/app/tags/list", headers=bearer(token()))
    assert other.status_code == 401
    forged = client.get(tags, headers=bearer(token(OTHER_RSA, kid=RSA.thumbprint())))
    assert forged.status_code == 401
    assert 'error="invalid_token"' in forged.headers["WWW-Authenticate"]
    # There are no tokens of ours for whoever has no password.
    assert client.get("/auth/token").status_code == 404


def test_listing_takes_a_scope_for_it(
    make_guarded: Callable[..., Flask], issuer: dict[str, Any]
) -> None:
    client = make_guarded(auth=["token"], auth_token=issuer).test_client()
    catalog = [{"type": "registry", "name": "catalog", "actions": ["*"]}]
    assert client.get("/v2/_catalog", headers=bearer(token())).status_code == 401
    listed = client.get("/v2/_catalog", headers=bearer(token(payload=claims(access=catalog))))
    assert listed.status_code == 200


def test_beside_users_of_a_file(make_guarded: Callable[..., Flask], issuer: dict[str, Any]) -> None:
    client = make_guarded(auth=["token", "htpasswd"], auth_token=issuer).test_client()

    assert REALM in client.get("/v2/").headers["WWW-Authenticate"]
    assert client.get("/v2/team/app/tags/list", headers=bearer(token())).status_code == 404
    assert client.get("/v2/", auth=("alice", PASSWORDS["alice"])).status_code == 200
    ours = token_for(client, "repository:alice/app:pull", "repository:team/app:pull")
    assert ours["scope"] == "repository:alice/app:pull"
    assert client.get("/v2/alice/app/tags/list", headers=bearer(ours["token"])).status_code == 404
    # What says it is ours must be signed by us, whoever else is trusted.
    posing = token(payload=claims(iss="docker-registry", aud="docker-registry"), typ="at+jwt")
    assert client.get("/v2/", headers=bearer(posing)).status_code == 401


def test_an_issuer_of_our_name(make_guarded: Callable[..., Flask], issuer: dict[str, Any]) -> None:
    settings = {**issuer, "name": "docker-registry"}
    with pytest.raises(ConfigError, match="TOKENS_SERVICE"):
        make_guarded(auth=["token", "htpasswd"], auth_token=settings)
