"""Every route, asked by everybody: who gets in. A route without a row fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from docker_registry.api.requirements import REQUIREMENTS, Closed
from docker_registry.app import create_app
from docker_registry.auth import Authority
from docker_registry.auth.access import Scope
from docker_registry.auth.throttle import Throttle
from docker_registry.config import LoginLimits
from tests.api.roll import GUARDED, Caller, Roll, TokenAuthority, ask, callers, policy, user
from tests.api.test_permissions import EXAMPLES, ROUTES

#: Who is asking, and the rules. Everything that is asked is about ``team/app``.
ROLES = ("anonymous", "nobody", "puller", "pusher", "deleter", "admin", "stranger")
POLICY = policy(
    ("user:puller", "team/**", "pull"),
    ("user:pusher", "team/**", "push"),
    ("user:deleter", "team/**", "pull delete"),
    ("user:admin", "team/**", "admin"),
    ("user:stranger", "other/**", "admin"),
)

#: What each of ``ROLES`` is answered, by endpoint: ``ok`` is anything but 401 and 403. An image of
#: V1 that one may not have is not there; one that one may have isn't, here.
ROWS = {
    "v2.ping":                "401 ok  ok  ok  ok  ok  ok ",
    "v2.get_blob":            "401 403 ok  ok  ok  ok  403",
    "v2.delete_blob":         "401 403 403 403 ok  ok  403",
    "v2.list_repositories":   "401 403 ok  ok  ok  ok  ok ",
    "v2.get_manifest":        "401 403 ok  ok  ok  ok  403",
    "v2.put_manifest":        "401 403 403 ok  403 ok  403",
    "v2.delete_manifest":     "401 403 403 403 ok  ok  403",
    "v2.list_referrers":      "401 403 ok  ok  ok  ok  403",
    "v2.delete_repository":   "401 403 403 403 ok  ok  403",
    "v2.list_tags":           "401 403 ok  ok  ok  ok  403",
    "v2.start_upload":        "401 403 403 ok  403 ok  403",
    "v2.get_upload":          "401 403 403 ok  403 ok  403",
    "v2.append_to_upload":    "401 403 403 ok  403 ok  403",
    "v2.finish_upload":       "401 403 403 ok  403 ok  403",
    "v2.cancel_upload":       "401 403 403 ok  403 ok  403",
    "health.live":            "ok  ok  ok  ok  ok  ok  ok ",
    "health.ready":           "ok  ok  ok  ok  ok  ok  ok ",
    "v1.root":                "ok  ok  ok  ok  ok  ok  ok ",
    "v1.ping":                "ok  ok  ok  ok  ok  ok  ok ",
    "v1.v1_ping":             "ok  ok  ok  ok  ok  ok  ok ",
    "v1.status":              "ok  ok  ok  ok  ok  ok  ok ",
    "v1.v1_status":           "ok  ok  ok  ok  ok  ok  ok ",
    "v1.get_user":           "401 ok  ok  ok  ok  ok  ok ",
    "v1.create_user":        "ok  ok  ok  ok  ok  ok  ok ",
    "v1.update_user":        "403 403 403 403 403 403 403",
    "v1.get_image_json":     "401 404 404 404 404 404 404",
    "v1.put_image_json":     "401 403 403 ok  403 ok  ok ",
    "v1.put_checksum":       "401 403 403 ok  403 ok  ok ",
    "v1.get_ancestry":       "401 404 404 404 404 404 404",
    "v1.get_files":          "401 404 404 404 404 404 404",
    "v1.get_diff":           "401 404 404 404 404 404 404",
    "v1.get_layer":          "401 404 404 404 404 404 404",
    "v1.put_layer":          "401 403 403 ok  403 ok  ok ",
    "v1.put_repository":     "401 403 403 ok  403 ok  403",
    "v1.delete_repository":  "401 403 403 403 ok  ok  403",
    "v1.get_images":         "401 403 ok  ok  ok  ok  403",
    "v1.put_images":         "401 403 403 ok  403 ok  403",
    "v1.delete_images":      "401 403 403 403 ok  ok  403",
    "v1.put_auth":           "401 403 403 ok  403 ok  403",
    "v1.get_repository_json":"401 403 ok  ok  ok  ok  403",
    "v1.get_properties":     "401 403 ok  ok  ok  ok  403",
    "v1.put_properties":     "401 403 403 ok  403 ok  403",
    "v1.list_tags":          "401 403 ok  ok  ok  ok  403",
    "v1.get_tag":            "401 403 ok  ok  ok  ok  403",
    "v1.put_tag":            "401 403 403 ok  403 ok  403",
    "v1.delete_tag":         "401 403 403 403 ok  ok  403",
    "v1.get_tag_json":       "401 403 ok  ok  ok  ok  403",
    "v1.search":             "401 403 ok  ok  ok  ok  ok ",
    "token.get":             "ok  ok  ok  ok  ok  ok  ok ",
    "token.post":            "ok  ok  ok  ok  ok  ok  ok ",
}  # fmt: skip
#: What a token is for that is for everything with ``team/app``, and for lists.
EVERYTHING_WITH_IT = (
    Scope("repository", "team/app", frozenset({"*"})),
    Scope("registry", "catalog", frozenset({"*"})),
)
#: Where a token for pulling is enough for somebody who may do everything.
PULLING = {endpoint for endpoint, row in ROWS.items() if row.split()[2] in ("ok", "404")}
#: Images of V1 are pushed by who may push somewhere: whether just this one is asked of the image.
TO_SOMEWHERE = {"v1.put_image_json", "v1.put_checksum", "v1.put_layer"}

REAL = [route for route in ROUTES if route[0] != "OPTIONS"]
BY_ROLE = [
    pytest.param(*route, role, expected, id=f"{role}-{route[0]}-{route[2]}-{number}")
    for number, route in enumerate(REAL)
    for role, expected in zip(ROLES, ROWS.get(route[2], " ".join("?" * 7)).split(), strict=True)
]


def make(kind: type[Authority], **more: Any) -> Flask:
    app = create_app(GUARDED)
    # All that fail here come from one address.
    throttle = Throttle(LoginLimits(per_address=0, per_user=0))
    return ask(app, kind(POLICY, [Roll(*map(user, ROLES[1:]))], throttle, **more))


@pytest.fixture(scope="module")
def by_password() -> dict[str, Caller]:
    return callers(make(Authority), ROLES[1:])


@pytest.fixture(scope="module")
def by_token() -> dict[str, Caller]:
    return callers(make(TokenAuthority, scopes=EVERYTHING_WITH_IT), ROLES[1:])


@pytest.fixture(scope="module")
def by_token_for_pulling() -> Caller:
    scopes = (
        Scope("repository", "team/app", frozenset({"pull"})),
        Scope("registry", "catalog", frozenset({"*"})),
    )
    return Caller(make(TokenAuthority, scopes=scopes).test_client(), "admin")


@pytest.fixture(scope="module")
def by_token_for_something_else() -> Caller:
    scope = Scope("repository", "team", frozenset({"*"}))
    return Caller(make(TokenAuthority, scopes=(scope,)).test_client(), "admin")


def test_every_route_has_a_row() -> None:
    assert {endpoint for _, _, endpoint in ROUTES} == set(ROWS)


def test_what_has_no_requirement_is_closed() -> None:
    closed = {endpoint for endpoint, row in ROWS.items() if set(row.split()) == {"403"}}
    required = {name for name, one in REQUIREMENTS.items() if not isinstance(one, Closed)}
    assert set(ROWS) - required == closed


@pytest.mark.parametrize(("method", "path", "endpoint", "role", "expected"), BY_ROLE)
def test_by_password(
    by_password: dict[str, Caller],
    method: str,
    path: str,
    endpoint: str,
    role: str,
    expected: str,
) -> None:
    check(by_password[role], method, path, expected)


@pytest.mark.parametrize(("method", "path", "endpoint", "role", "expected"), BY_ROLE)
def test_by_token(
    by_token: dict[str, Caller],
    method: str,
    path: str,
    endpoint: str,
    role: str,
    expected: str,
) -> None:
    closed = set(ROWS[endpoint].split()) == {"403"}
    # Another token may do, for all that this one tells; which is for nothing of the stranger's.
    other_token = expected == "403" or (role == "stranger" and endpoint in TO_SOMEWHERE)
    check(by_token[role], method, path, "401" if other_token and not closed else expected)


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [route for route in REAL if set(ROWS.get(route[2], "").split()) != {"403"}],
)
def test_a_token_gives_no_more_than_it_is_for(
    by_token_for_pulling: Caller,
    by_token_for_something_else: Caller,
    method: str,
    path: str,
    endpoint: str,
) -> None:
    check(by_token_for_pulling, method, path, "ok" if endpoint in PULLING else "401")
    # Whoever is logged in may ask whether it is a registry, and what everybody may.
    open_to_all = "403" not in ROWS[endpoint].split() or endpoint in TO_SOMEWHERE
    check(by_token_for_something_else, method, path, "ok" if open_to_all else "401")


@pytest.mark.parametrize(("method", "path", "endpoint"), REAL)
def test_nobody_gets_in_by_a_wrong_password(
    by_password: dict[str, Caller], method: str, path: str, endpoint: str
) -> None:
    wrong = Caller(by_password["admin"].client, "admin", "guess")
    open_to_all = set(ROWS[endpoint].split()) == {"ok"} and endpoint != "token.get"
    expected = "ok" if open_to_all else "401"
    check(wrong, method, path, expected)


def check(caller: Caller, method: str, path: str, expected: str) -> None:
    with caller(method, path) as response:
        status = response.status_code
        if expected == "ok":
            assert status not in (401, 403) and status < 500, response.data
            return
        assert status == int(expected), response.data
        assert ("WWW-Authenticate" in response.headers) is (expected == "401")
        if method != "HEAD":
            code = response.get_json()["errors"][0]["code"]
            assert code in ("UNAUTHORIZED", "DENIED", "IMAGE_UNKNOWN")


def test_options_tell_methods_and_nothing_else(by_password: dict[str, Caller]) -> None:
    for method, path, _ in ROUTES:
        if method == "OPTIONS":
            response = by_password["anonymous"](method, path)
            assert response.status_code == 200
            assert not response.data


#: Names of a repository that is there, in the table's examples, and of one that isn't.
THERE, NOT_THERE = EXAMPLES["repository"], "team/no"


@pytest.fixture(scope="module")
def filled() -> Iterator[dict[str, Caller]]:
    """Give clients of a registry in which everything that the examples name is there."""
    app = make(Authority)
    clients = callers(app, ROLES[1:])
    admin = clients["admin"]
    assert admin.post(f"/v2/{THERE}/blobs/uploads/?digest={EXAMPLES['digest']}", data=b"x")
    manifest = (
        b'{"schemaVersion": 2, "layers": [], "config": {"mediaType": "a/b", "size": 1, "digest": "'
        + EXAMPLES["digest"].encode()
        + b'"}}'
    )
    put = admin.put(f"/v2/{THERE}/manifests/latest", data=manifest)
    assert put.status_code == 201, put.data
    yield clients


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [route for route in REAL if THERE in route[1] and route[2].startswith("v2.")],
)
@pytest.mark.parametrize("role", ["anonymous", "nobody", "stranger"])
def test_refusals_do_not_tell_what_is_there(
    filled: dict[str, Caller], role: str, method: str, path: str, endpoint: str
) -> None:
    there = filled[role](method, path)
    absent = filled[role](method, path.replace(THERE, NOT_THERE))
    assert there.status_code == absent.status_code
    assert there.data.replace(THERE.encode(), NOT_THERE.encode()) == absent.data
    headers = [
        {name: re.sub(THERE, NOT_THERE, value) for name, value in answer.headers.items()}
        for answer in (there, absent)
    ]
    for one in headers:
        one.pop("Content-Length", None)
    assert headers[0] == headers[1]


def test_what_nobody_asked_for_is_anonymous(by_password: dict[str, Caller]) -> None:
    # A view that asks without having been checked must not be taken for one of an open registry.
    from docker_registry.api.access import access

    client: FlaskClient = by_password["anonymous"].client
    with client.application.test_request_context("/"):
        assert access().identity.is_anonymous
        assert access().visible().is_nothing
