"""Tokens of an outside issuer: what is believed, and what isn't."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from joserfc.jwk import Key, RSAKey

from docker_registry.auth import jwk
from docker_registry.auth.access import Scope
from docker_registry.auth.bearer import BearerTokens
from docker_registry.auth.issuer import METHOD, OutsideIssuer
from docker_registry.config.auth import Issuer
from docker_registry.errors import ConfigError, IdentityUnavailable, TokenInvalid
from tests.unit.auth.tokens import (
    EC,
    ISSUER,
    OTHER_RSA,
    RSA,
    SERVICE,
    claims,
    tampered,
    token,
    unsigned,
    with_public_key_as_secret,
)

GRANTED = Scope("repository", "team/app", frozenset({"pull", "push"}))


def settings(**changes: Any) -> Issuer:
    basics = {"name": ISSUER, "realm": "https://issuer.example.org/token", "service": SERVICE}
    return Issuer(**{**basics, **changes})


def jwks(*keys: Key, **members: str) -> str:
    return json.dumps({"keys": [{**key.as_dict(private=False), **members} for key in keys]})


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    path = tmp_path / "keys.pem"
    path.write_bytes(RSA.as_pem(private=False) + EC.as_pem(private=False))
    return path


@pytest.fixture
def reader(trusted: Path) -> BearerTokens:
    return BearerTokens([OutsideIssuer(settings(certificates=str(trusted)))])


def test_a_good_token(reader: BearerTokens) -> None:
    for _ in range(2):
        verified = reader.read(token())
        assert verified.identity.key == f"{METHOD}:alice"
        assert verified.scopes == (GRANTED,)


@pytest.mark.parametrize(
    "make",
    [
        lambda: token(kid=jwk.libtrust_id(RSA)),
        lambda: token(EC, "ES256"),
        lambda: token(payload=claims(aud=["other", SERVICE])),
        lambda: token(payload=claims(exp=int(time.time()) - 30)),
        lambda: token(payload=claims(nbf=int(time.time()) + 30, iat=int(time.time()) + 30)),
        lambda: token(payload=claims(nbf=..., iat=...)),
        lambda: token(typ=...),
        lambda: token(private="what we don't know and needn't"),
    ],
)
def test_other_good_ones(reader: BearerTokens, make: Callable[[], str]) -> None:
    assert reader.read(make()).scopes == (GRANTED,)


def test_of_anonymous_and_for_nothing(reader: BearerTokens) -> None:
    verified = reader.read(token(payload=claims(sub="", access=...)))
    assert verified.identity.is_anonymous
    assert verified.scopes == ()


def test_a_resource_that_is_there_twice(reader: BearerTokens) -> None:
    parts = [
        {"type": "repository", "name": "team/app", "actions": [action]}
        for action in ("pull", "push")
    ]
    scopes = reader.read(token(payload=claims(access=parts))).scopes
    assert [scope.actions for scope in scopes] == [{"pull"}, {"push"}]


@pytest.mark.parametrize(
    "make",
    [
        # CVE-2025-24976: a key of the token's own, under a name that is trusted.
        lambda: token(OTHER_RSA, kid=RSA.thumbprint(), jwk=OTHER_RSA.as_dict(private=False)),
        lambda: token(
            OTHER_RSA,
            kid=RSA.thumbprint(),
            jwk={**OTHER_RSA.as_dict(private=False), "kid": RSA.thumbprint()},
        ),
        lambda: token(OTHER_RSA, kid=..., jwk=OTHER_RSA.as_dict(private=False)),
        lambda: token(OTHER_RSA, jku="https://evil.example.org/jwks"),
        lambda: token(OTHER_RSA, x5u="https://evil.example.org/chain"),
        lambda: token(OTHER_RSA),
        lambda: token(OTHER_RSA, kid=RSA.thumbprint()),
        unsigned,
        lambda: unsigned(kid=RSA.thumbprint()),
        lambda: unsigned(algorithm="None", kid=RSA.thumbprint()),
        lambda: unsigned(algorithm="RS256", kid=RSA.thumbprint()),
        with_public_key_as_secret,
        # The key is trusted, the algorithm isn't, or is none of the key's.
        lambda: token(RSA, "PS256"),
        lambda: token(RSA, "RS384"),
        lambda: token(EC, "ES256", kid=RSA.thumbprint()),
        lambda: tampered(token()),
        lambda: token()[:-4],
        # Names of keys that are paths, addresses and statements elsewhere.
        lambda: token(kid="../../../../dev/null"),
        lambda: token(kid="https://evil.example.org/key"),
        lambda: token(kid="x' UNION SELECT 'secret"),
        lambda: token(kid=""),
        lambda: token(kid=...),
        lambda: token(kid=["a"]),
        lambda: token(kid={"a": 1}),
        lambda: token(crit=["exp"]),
        lambda: token(crit=["other"], other=1),
        lambda: token(crit=["b64"], b64=False),
        lambda: token(b64=False),
        lambda: token(payload=claims(iss="https://evil.example.org")),
        lambda: token(payload=claims(iss=...)),
        lambda: token(payload=claims(iss=[ISSUER])),
        lambda: token(payload=claims(aud="other")),
        lambda: token(payload=claims(aud=["other"])),
        lambda: token(payload=claims(aud=...)),
        lambda: token(payload=claims(aud=f"{SERVICE}.evil.example.org")),
        lambda: token(payload=claims(exp=int(time.time()) - 70)),
        lambda: token(payload=claims(exp=...)),
        lambda: token(payload=claims(exp="9999999999")),
        lambda: token(payload=claims(exp=True)),
        lambda: token(payload=json.dumps(claims(exp=0)).replace('"exp": 0', '"exp": NaN')),
        lambda: token(payload=json.dumps(claims(exp=0)).replace('"exp": 0', '"exp": 1e999')),
        lambda: token(payload=claims(nbf=int(time.time()) + 90)),
        lambda: token(payload=claims(iat=int(time.time()) + 90)),
        lambda: token(payload=claims(sub=["alice"])),
        lambda: token(payload=claims(access={"type": "repository"})),
        lambda: token(payload=claims(access="repository:team/app:pull")),
        lambda: token(payload=claims(access=[{"type": "repository", "name": "team/app"}])),
        lambda: token(
            payload=claims(access=[{"type": "repository", "name": "a", "actions": "pull"}])
        ),
        # Which of the two counts is not for a reader to choose.
        lambda: token(payload=json.dumps(claims())[:-1] + ', "access": []}'),
        lambda: token(payload=json.dumps([claims()])),
        lambda: token(payload="no JSON"),
        lambda: token(payload=claims(large="x" * 20_000)),
        lambda: token(large="x" * 20_000),
        lambda: "x" * 1_000_000,
    ],
)
def test_what_is_not_believed(reader: BearerTokens, make: Callable[[], str]) -> None:
    with pytest.raises(TokenInvalid) as refused:
        reader.read(make())
    assert len(refused.value.message) < 200


def test_expires_although_it_was_good(
    reader: BearerTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, now = token(), time.time()
    reader.read(text)
    monkeypatch.setattr(time, "time", lambda: now + 361)
    with pytest.raises(TokenInvalid, match="expired"):
        reader.read(text)


def test_a_file_that_changes(trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = BearerTokens([OutsideIssuer(settings(certificates=str(trusted)))])
    reader.read(token())
    with pytest.raises(TokenInvalid):
        reader.read(token(OTHER_RSA))
    now = time.monotonic()

    trusted.write_bytes(OTHER_RSA.as_pem(private=False))
    monkeypatch.setattr(time, "monotonic", lambda: now + 31)
    assert reader.read(token(OTHER_RSA)).scopes == (GRANTED,)
    with pytest.raises(TokenInvalid):
        reader.read(token())

    # What is no good file leaves things as they are.
    trusted.write_bytes(b"half a fi")
    monkeypatch.setattr(time, "monotonic", lambda: now + 100)
    assert reader.read(token(OTHER_RSA)).scopes == (GRANTED,)


Certificate = tuple[x509.Certificate, rsa.RSAPrivateKey]


def certify(
    name: str,
    key: rsa.RSAPrivateKey,
    issuer: Certificate | None = None,
    authority: bool = False,
    days: int = 1,
) -> Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issued_by, signer = (issuer[0].subject, issuer[1]) if issuer else (subject, key)
    start = datetime.now(UTC) - timedelta(days=2)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=2 + days))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    return certificate, key


def der(*certificates: Certificate) -> list[str]:
    return [
        base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
        for certificate, _ in certificates
    ]


@pytest.fixture(scope="module")
def keys() -> list[rsa.RSAPrivateKey]:
    return [rsa.generate_private_key(65537, 2048) for _ in range(4)]


@pytest.fixture
def root(keys: list[rsa.RSAPrivateKey]) -> Certificate:
    return certify("root", keys[0], authority=True)


@pytest.fixture
def bundle(root: Certificate, tmp_path: Path) -> BearerTokens:
    path = tmp_path / "bundle.pem"
    path.write_bytes(root[0].public_bytes(Encoding.PEM))
    return BearerTokens([OutsideIssuer(settings(certificates=str(path)))])


def signed(certificate: Certificate, chain: list[str], **header: Any) -> str:
    return token(RSAKey.import_key(certificate[1]), x5c=chain, **header)


def test_chains_that_lead_to_the_bundle(
    bundle: BearerTokens, root: Certificate, keys: list[rsa.RSAPrivateKey]
) -> None:
    middle = certify("middle", keys[1], root, authority=True)
    leaf = certify("leaf", keys[2], middle)
    direct = certify("direct", keys[3], root)

    assert bundle.read(signed(leaf, der(leaf, middle), kid=...)).scopes == (GRANTED,)
    assert bundle.read(signed(direct, der(direct))).scopes == (GRANTED,)
    assert bundle.read(signed(root, der(root))).scopes == (GRANTED,)
    # Without a chain, the name of the only key.
    assert bundle.read(token(RSAKey.import_key(keys[0]), kid=...)).scopes == (GRANTED,)


def test_chains_that_do_not(
    bundle: BearerTokens, root: Certificate, keys: list[rsa.RSAPrivateKey]
) -> None:
    leaf = certify("leaf", keys[1], root)
    foreign = certify("root", keys[2], authority=True)
    below_leaf = certify("below", keys[3], leaf)
    expired = certify("expired", keys[3], root, days=-1)
    for text in (
        signed(foreign, der(foreign)),
        signed(foreign, der(foreign, root)),
        # Whoever has a certificate can't issue others.
        signed(below_leaf, der(below_leaf, leaf)),
        signed(below_leaf, der(below_leaf, leaf, root)),
        signed(expired, der(expired)),
        # The certificate of somebody else.
        signed(foreign, der(leaf)),
        signed(foreign, der(root), kid=...),
        signed(leaf, ["no base64"]),
        signed(leaf, ["bm8gREVS"]),
        signed(leaf, der(*[leaf] * 30)),
        # What is no text: anybody can write such a header.
        *(
            signed(leaf, one, kid=...)
            for one in ([1], [None], [["a"]], [*der(leaf), 3], "a", {"a": 1})
        ),
    ):
        with pytest.raises(TokenInvalid):
            bundle.read(text)


def test_certificates_that_openssl_makes(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=issuer"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    reader = BearerTokens([OutsideIssuer(settings(certificates=str(certificate)))])
    private = RSAKey.import_key(key.read_bytes())
    assert reader.read(token(private, kid=jwk.libtrust_id(private))).scopes == (GRANTED,)


def test_key_set_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    short = RSAKey.import_key(rsa.generate_private_key(65537, 2048)).as_dict(private=False)
    unusable = [{"kty": "oct", "k": "c2VjcmV0"}, {"kty": "new"}, {**short, "n": "AQAB"}, {}]
    named = [{**RSA.as_dict(private=False), "kid": "first"}]
    encrypting = [{**EC.as_dict(private=False), "use": "enc"}]
    path.write_text(json.dumps({"keys": [*unusable, *named, *encrypting]}))
    reader = BearerTokens([OutsideIssuer(settings(jwks=str(path)))])

    assert reader.read(token(kid="first")).scopes == (GRANTED,)
    assert reader.read(token()).scopes == (GRANTED,)
    for text in (token(EC, "ES256"), token(OTHER_RSA, kid="first"), with_public_key_as_secret()):
        with pytest.raises(TokenInvalid):
            reader.read(text)


class KeyServer:
    """Serves a key set at an address of this machine, and counts."""

    def __init__(self) -> None:
        self.requests = 0
        self.status = 200
        self.body = jwks(RSA)
        self.headers: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body.encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.close()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = time.monotonic()

    def move(seconds: float) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: now + seconds)

    return move


def test_key_set_at_a_url(key_server: KeyServer, later: Callable[[float], None]) -> None:
    reader = BearerTokens([OutsideIssuer(settings(jwks=key_server.url))])
    assert key_server.requests == 0

    assert reader.read(token()).scopes == (GRANTED,)
    assert reader.read(token(payload=claims(sub="bob"))).scopes == (GRANTED,)
    assert key_server.requests == 1

    # Names that nobody knows make it look once, however many come.
    for number in range(20):
        with pytest.raises(TokenInvalid):
            reader.read(token(OTHER_RSA, kid=f"random-{number}"))
    assert key_server.requests == 2

    key_server.body = jwks(RSA, OTHER_RSA)
    later(31)
    assert reader.read(token(OTHER_RSA)).scopes == (GRANTED,)
    assert key_server.requests == 3

    # A key that is taken back takes with it what it has signed.
    key_server.body = jwks(OTHER_RSA)
    later(700)
    with pytest.raises(TokenInvalid):
        reader.read(token())


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (500, "", {}),
        (404, "", {}),
        (200, "no JSON", {}),
        (200, "[]", {}),
        (200, '{"keys": []}', {}),
        (200, '{"keys": 1}', {}),
        (200, '{"keys": [' + " " * 1_000_000 + "]}", {}),
        (200, "[" * 100_000, {}),
        (302, "", {"Location": "http://127.0.0.1:1/elsewhere"}),
    ],
)
def test_key_sets_that_can_not_be_had(
    key_server: KeyServer,
    later: Callable[[float], None],
    status: int,
    body: str,
    headers: dict[str, str],
) -> None:
    good = key_server.body
    key_server.status, key_server.body, key_server.headers = status, body, headers
    reader = BearerTokens([OutsideIssuer(settings(jwks=key_server.url))])
    for _ in range(3):
        with pytest.raises(IdentityUnavailable):
            reader.read(token())
    # For a while nobody waits for it again.
    assert key_server.requests == 1

    key_server.status, key_server.body, key_server.headers = 200, good, {}
    later(31)
    assert reader.read(token()).scopes == (GRANTED,)

    # Once it was had, it stays.
    key_server.status = 500
    later(700)
    assert reader.read(token()).scopes == (GRANTED,)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "AUTH_TOKEN_CERTIFICATES"),
        ({"name": None}, "AUTH_TOKEN_NAME"),
        ({"realm": None}, "AUTH_TOKEN_REALM"),
        ({"service": None}, "AUTH_TOKEN_SERVICE"),
        ({"algorithms": ["HS256"]}, "AUTH_TOKEN_ALGORITHMS"),
        ({"algorithms": ["RS256", "none"]}, "AUTH_TOKEN_ALGORITHMS"),
        ({"algorithms": []}, "AUTH_TOKEN_ALGORITHMS"),
        ({"certificates": "/nowhere"}, "AUTH_TOKEN_CERTIFICATES"),
        ({"certificates": __file__}, "AUTH_TOKEN_CERTIFICATES"),
        ({"jwks": "/nowhere"}, "AUTH_TOKEN_JWKS"),
        ({"jwks": __file__}, "AUTH_TOKEN_JWKS"),
        ({"jwks": "http://issuer.example.org/jwks"}, "AUTH_TOKEN_JWKS"),
        ({"jwks": "http://127.0.0.1.example.org/jwks"}, "AUTH_TOKEN_JWKS"),
        ({"jwks": "file:///etc/jwks"}, "AUTH_TOKEN_JWKS"),
        ({"jwks": "https://user:secret@issuer.example.org/jwks"}, "AUTH_TOKEN_JWKS"),
    ],
)
def test_settings_that_can_not_be_used(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=key) as refused:
        OutsideIssuer(settings(**changes))
    assert "secret" not in str(refused.value)
