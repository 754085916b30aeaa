"""Tokens of our own as they come with requests."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from docker_registry.auth import issued
from docker_registry.auth.access import Scope
from docker_registry.auth.bearer import BearerTokens
from docker_registry.auth.identity import ANONYMOUS, Identity
from docker_registry.auth.issued import IssuedTokens
from docker_registry.auth.keys import SigningKeys
from docker_registry.errors import TokenInvalid
from tests.unit.auth.tokens import OTHER_RSA, claims, tampered, token, unsigned

WHOLE = Identity(
    "keystone",
    "alice",
    groups=frozenset({"one", "two"}),
    roles=frozenset({"member"}),
    project="team",
    domain="default",
    stamp="stamp",
)
SCOPES = (Scope("repository", "team/app", frozenset({"pull"})),)


class OneKey(SigningKeys):
    """A key, which is asked for so many times."""

    def __init__(self) -> None:
        self.key = OKPKey.generate_key("Ed25519")
        self.asked = 0

    def signing(self) -> OKPKey:
        return self.key

    def find(self, key_id: str) -> OKPKey | None:
        self.asked += 1
        return self.key if key_id == self.key.thumbprint() else None


@pytest.fixture
def keys() -> OneKey:
    return OneKey()


@pytest.fixture
def ours(keys: OneKey) -> IssuedTokens:
    return IssuedTokens(keys, "registry", 300, 3600)


def test_what_goes_in_comes_out(ours: IssuedTokens) -> None:
    reader = BearerTokens([ours])
    for _ in range(2):
        verified = reader.read(ours.issue(WHOLE, SCOPES))
        assert verified.scopes == SCOPES
        assert verified.identity.key == WHOLE.key
        assert verified.identity.project == "team"
        # Only refresh tokens need it.
        assert verified.identity.stamp == ""
    assert ours.read_refresh(ours.issue_refresh(WHOLE)) == WHOLE
    assert reader.read(ours.issue(ANONYMOUS, ())).identity == ANONYMOUS


def test_claims(ours: IssuedTokens, keys: OneKey) -> None:
    texts = [ours.issue(WHOLE, SCOPES) for _ in range(2)]
    signature = jws.extract_compact(texts[0].encode())
    payloads = [json.loads(jws.extract_compact(text.encode()).payload) for text in texts]
    payload = payloads[0]

    assert signature.headers() == {
        "typ": issued.ACCESS,
        "alg": "EdDSA",
        "kid": keys.key.thumbprint(),
    }
    assert payload["iss"] == payload["aud"] == "registry"
    assert payload["sub"] == "keystone:alice"
    assert payload["exp"] - payload["iat"] == 300
    assert payload["nbf"] == payload["iat"]
    assert payload["access"] == [{"type": "repository", "name": "team/app", "actions": ["pull"]}]
    assert payloads[0]["jti"] != payloads[1]["jti"]


def test_kinds_are_told_apart(ours: IssuedTokens) -> None:
    with pytest.raises(TokenInvalid):
        BearerTokens([ours]).read(ours.issue_refresh(WHOLE))
    with pytest.raises(TokenInvalid):
        ours.read_refresh(ours.issue(WHOLE, SCOPES))


def forged(keys: OneKey) -> Iterator[str]:
    ours = {"iss": "registry", "aud": "registry"}
    who = WHOLE.to_claims()
    key = {"typ": issued.ACCESS, "kid": keys.key.thumbprint()}
    good = claims(**ours, identity=who)
    yield unsigned(good, **key)
    yield token(OTHER_RSA, payload=good, **key)
    yield token(OTHER_RSA, payload=good, jwk=OTHER_RSA.as_dict(private=False), **key)
    yield token(OKPKey.generate_key("Ed25519"), "EdDSA", good, **key)
    yield tampered(token(keys.key, "EdDSA", good, **key))
    for wrong in (
        {"iss": "other"},
        {"iss": None},
        {"aud": "other"},
        {"exp": int(time.time()) - 100},
        {"nbf": int(time.time()) + 100},
        {"identity": ...},
        {"identity": {}},
        {"identity": {**who, "more": 1}},
        {"identity": "alice"},
    ):
        yield token(keys.key, "EdDSA", claims(**{**ours, "identity": who, **wrong}), **key)


def test_what_is_not_ours(ours: IssuedTokens, keys: OneKey) -> None:
    reader = BearerTokens([ours])
    key = {"typ": issued.ACCESS, "kid": keys.key.thumbprint()}
    good = claims(iss="registry", aud="registry", identity=WHOLE.to_claims())
    assert reader.read(token(keys.key, "EdDSA", good, **key)).identity.name == "alice"
    for text in forged(keys):
        with pytest.raises(TokenInvalid):
            reader.read(text)


def test_few_are_remembered(ours: IssuedTokens) -> None:
    reader = BearerTokens([ours], entries=10)
    texts = [ours.issue(WHOLE, SCOPES) for _ in range(30)]
    for text in texts * 2:
        assert reader.read(text).scopes == SCOPES
    assert len(reader._good) == 10


def test_a_remembered_token_expires(ours: IssuedTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, text, now = BearerTokens([ours]), ours.issue(WHOLE, SCOPES), time.time()
    reader.read(text)
    monkeypatch.setattr(time, "time", lambda: now + 300 + 61)
    with pytest.raises(TokenInvalid, match="expired"):
        reader.read(text)


def test_no_part_of_a_token_is_in_errors(ours: IssuedTokens) -> None:
    text = ours.issue(WHOLE, SCOPES)
    for changed in (text + "x", text[:-8], text.replace(".", "..", 1)):
        with pytest.raises(TokenInvalid) as refused:
            BearerTokens([ours]).read(changed)
        assert not any(part in refused.value.message for part in text.split("."))
