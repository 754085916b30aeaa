"""Headers that keep caches and browsers from giving away what is stored, on every answer."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from docker_registry.auth import Authority
from tests.api.conftest import AppFactory, Pushes, sha256
from tests.api.roll import Caller, Roll, ask, callers, policy, user
from tests.api.test_access import ROWS
from tests.api.test_isolation import manifest, push_blob
from tests.api.test_permissions import ROUTES

CSP = "default-src 'none'; frame-ancestors 'none'; sandbox"
OPEN = {endpoint for endpoint, row in ROWS.items() if set(row.split()) == {"ok"}}


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    rules = policy(
        ("user:root", "**", "admin"),
        ("user:root", "public/**", "admin"),
        ("everybody", "public/**", "pull"),
    )
    return ask(make_app(), Authority(rules, [Roll(user("root"))]))


@pytest.fixture
def root(app: Flask) -> Caller:
    return callers(app, ["root"])["root"]


def check_private(answer: TestResponse) -> None:
    rules = {rule.strip() for rule in answer.headers["Cache-Control"].split(",")}
    assert "private" in rules or "no-store" in rules, rules
    assert not {"public", "s-maxage"} & {rule.partition("=")[0] for rule in rules}
    assert "no-cache" in rules or "no-store" in rules or "max-age=31536000" in rules
    assert "Authorization" in answer.vary


def test_browsers_do_nothing_with_any_answer(make_app: AppFactory) -> None:
    client = make_app().test_client()
    for method, path, _ in [*ROUTES, ("GET", "/v9/none", ""), ("PATCH", "/", "")]:
        with client.open(path, method=method) as answer:
            assert answer.headers.getlist("X-Content-Type-Options") == ["nosniff"]
            assert answer.headers.getlist("Content-Security-Policy") == [CSP]


def test_the_operator_has_the_last_word(make_app: AppFactory) -> None:
    headers = {"content-security-policy": ["default-src 'self'"], "X-Frame-Options": ["DENY"]}
    answer = make_app(response_headers=headers).test_client().get("/v2/")
    assert answer.headers.getlist("Content-Security-Policy") == ["default-src 'self'"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_no_cache_on_the_way_keeps_any_answer(root: Caller) -> None:
    for method, path, endpoint in ROUTES:
        for name in (None, "root"):
            with Caller(root.client, name)(method, path) as answer:
                if endpoint not in OPEN:
                    check_private(answer)


def test_nor_what_is_there(root: Caller) -> None:
    digest = push_blob(root, "team/app", b"{}")
    assert root.put("/v2/team/app/manifests/v1", data=manifest(digest)).status_code == 201
    blob = f"/v2/team/app/blobs/{digest}"
    for path in (blob, "/v2/team/app/manifests/v1", "/v2/team/app/tags/list", "/v2/_catalog"):
        for headers in ({}, {"Range": "bytes=0-0"}, {"If-None-Match": f'"{digest}"'}):
            with root("GET", path, headers=headers) as answer:
                assert answer.status_code < 400
                check_private(answer)


def test_nor_what_anonymous_may_pull_today(root: Caller) -> None:
    digest = push_blob(root, "public/app", b"{}")
    answer = Caller(root.client)("GET", f"/v2/public/app/blobs/{digest}")
    assert answer.status_code == 200
    check_private(answer)


def test_an_open_registry_s_blobs_may_be_kept(make_app: AppFactory) -> None:
    client = make_app().test_client()
    repo = Pushes(client)
    repo.image(b"layer", tag="v1")
    answer = client.get(repo.url(f"blobs/{sha256(b'layer')}"))
    assert answer.headers["Cache-Control"] == "max-age=31536000"
    assert "Vary" not in answer.headers


def test_blobs_say_nothing_that_a_browser_would_show(root: Caller) -> None:
    page = b"<html><script>alert(1)</script>"
    digest = push_blob(root, "team/app", page)
    answer = root("GET", f"/v2/team/app/blobs/{digest}", headers={"Accept": "text/html"})
    assert answer.data == page
    assert answer.content_type == "application/octet-stream"
    assert answer.headers["Content-Security-Policy"] == CSP
