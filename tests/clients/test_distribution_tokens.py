"""Tokens of one issuer, and one configuration of it, for Distribution and for us."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.jwk import RSAKey

from tests.servers import DistributionServer, RegistryServer, Server
from tests.tools import require_tool
from tests.unit.auth.tokens import ISSUER, OTHER_RSA, RSA, SERVICE, claims, tampered, token

REALM = "https://issuer.example.org/token"


def access(kind: str, name: str, *actions: str) -> list[dict[str, Any]]:
    return [{"type": kind, "name": name, "actions": list(actions)}]


def tokens() -> dict[str, tuple[str, str]]:
    """Give bearers by name, and where each gets in: reading, writing, listing.

    They are soon over, so each test makes its own.
    """
    now = int(time.time())
    elsewhere = access("repository", "team/apps", "pull", "push")
    return {
        "all of it": (token(payload=claims()), "rw-"),
        "to pull": (token(payload=claims(access=access("repository", "team/app", "pull"))), "r--"),
        "to list": (token(payload=claims(access=access("registry", "catalog", "*"))), "--l"),
        "of another repository": (token(payload=claims(access=elsewhere)), "---"),
        "for nothing": (token(payload=claims(access=[])), "---"),
        "of another issuer": (token(payload=claims(iss="https://other.example.org")), "---"),
        "of another registry": (token(payload=claims(aud="other.example.org")), "---"),
        "too old": (token(payload=claims(exp=now - 3600)), "---"),
        "not yet good": (token(payload=claims(nbf=now + 3600)), "---"),
        "by another key": (token(OTHER_RSA), "---"),
        "by another key of the same name": (token(OTHER_RSA, kid=RSA.thumbprint()), "---"),
        "with its key in it": (token(OTHER_RSA, jwk=OTHER_RSA.as_dict(private=False)), "---"),
        "changed": (tampered(token()), "---"),
    }


@pytest.fixture
def issuer(tmp_path: Path) -> dict[str, str]:
    """Give Distribution's parameters of an issuer."""
    bundle, keys = tmp_path / "bundle.pem", tmp_path / "keys.json"
    bundle.write_bytes(certificate(RSA).public_bytes(Encoding.PEM))
    public = {**RSA.as_dict(private=False), "kid": RSA.thumbprint(), "use": "sig"}
    keys.write_text(json.dumps({"keys": [public]}))
    return {
        "realm": REALM,
        "service": SERVICE,
        "issuer": ISSUER,
        "rootcertbundle": str(bundle),
        "jwks": str(keys),
    }


def certificate(key: RSAKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    private = key.private_key
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(private, hashes.SHA256())
    )


def uses(server: Server, bearer: str) -> str:
    """Give what a token is good for."""
    base = f"{server.url}/v2"
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    statuses = (
        requests.get(f"{base}/team/app/manifests/v1", headers=headers, timeout=30).status_code,
        requests.post(f"{base}/team/app/blobs/uploads/", headers=headers, timeout=30).status_code,
        requests.get(f"{base}/_catalog", headers=headers, timeout=30).status_code,
    )
    assert set(statuses) <= {404, 202, 200, 401}
    return "".join(letter if s != 401 else "-" for letter, s in zip("rwl", statuses, strict=True))


def challenge(server: Server) -> dict[str, str]:
    url = f"{server.url}/v2/team/app/manifests/v1"
    scheme, _, rest = requests.get(url, timeout=30).headers["WWW-Authenticate"].partition(" ")
    assert scheme == "Bearer"
    return dict(part.replace('"', "").split("=", 1) for part in rest.split(","))


@pytest.mark.parametrize("program", ["registry", "ours"])
def test_what_tokens_are_good_for(tmp_path: Path, issuer: dict[str, str], program: str) -> None:
    theirs = DistributionServer(tmp_path / "theirs", require_tool("registry"))
    document = {**json.loads(theirs.configuration.read_text()), "auth": {"token": issuer}}
    theirs.configuration.write_text(json.dumps(document))
    server: Server = theirs
    if program == "ours":
        server = RegistryServer(
            tmp_path / "ours", {"DOCKER_REGISTRY_CONFIG": str(theirs.configuration)}
        )
        server.settings["REGISTRY_HTTP_ADDR"] = server.address
    with server:
        tried = tokens()
        found = {name: uses(server, bearer) for name, (bearer, _) in tried.items()}
        assert found == {name: expected for name, (_, expected) in tried.items()}
        assert uses(server, "") == "---"
        assert challenge(server) == {
            "realm": REALM,
            "service": SERVICE,
            "scope": "repository:team/app:pull",
        }
