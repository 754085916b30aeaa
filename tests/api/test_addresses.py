"""``url_prefix``, ``public_url``, ``relative_urls`` and ``response_headers``."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from docker_registry.config import Settings
from tests.api.conftest import AppFactory, Pushes, error_codes, sha256


@pytest.mark.parametrize(
    ("settings", "location"),
    [
        ({}, "http://localhost/v2/a/blobs/"),
        ({"url_prefix": "/my/registry/"}, "http://localhost/my/registry/v2/a/blobs/"),
        ({"url_prefix": "/r", "relative_urls": True}, "/r/v2/a/blobs/"),
        ({"public_url": "https://r.example.org:8443/"}, "https://r.example.org:8443/v2/a/blobs/"),
        # As Distribution has it: the URL is all that counts, if there is one.
        (
            {"public_url": "https://r.example.org/x", "url_prefix": "/y", "relative_urls": True},
            "https://r.example.org/x/v2/a/blobs/",
        ),
    ],
)
def test_location(make_app: AppFactory, settings: dict[str, Any], location: str) -> None:
    app = make_app(**settings)
    prefix = app.extensions["docker_registry"].settings.url_prefix
    response = app.test_client().post(
        f"{prefix}/v2/a/blobs/uploads/?digest={sha256(b'x')}", data=b"x"
    )
    assert response.headers["Location"] == f"{location}{sha256(b'x')}"


def test_prefix_is_that_of_every_route_but_health(make_app: AppFactory) -> None:
    app = make_app(url_prefix="registry")
    paths = {rule.rule for rule in app.url_map.iter_rules()}
    outside = {path for path in paths if not path.startswith("/registry/")}
    assert outside == {"/health/live", "/health/ready"}
    with app.test_client() as client:
        for path in ("/registry/v2/", "/registry/v1/_ping", "/registry/_ping", "/health/live"):
            assert client.get(path).status_code == 200
        response = client.get("/v2/")
        assert (response.status_code, error_codes(response)) == (404, ["UNSUPPORTED"])


def test_push_and_pages_below_a_prefix(make_app: AppFactory) -> None:
    with make_app(url_prefix="/r").test_client() as client:
        repo = Pushes(client, repository="a")
        repo.url = lambda path: f"/r/v2/a/{path}"  # type: ignore[method-assign]
        for tag in ("v1", "v2"):
            repo.image(b"layer", tag=tag)
        page = client.get("/r/v2/a/tags/list?n=1")
        assert page.get_json()["tags"] == ["v1"]
        following = page.headers["Link"].partition(">")[0].removeprefix("<")
        assert client.get(following).get_json()["tags"] == ["v2"]


def test_headers_are_on_every_answer_that_lacks_them(make_app: AppFactory) -> None:
    app = make_app(
        response_headers={
            "X-Content-Type-Options": "nosniff",
            "Access-Control-Allow-Origin": ["https://a.example.org", "https://b.example.org"],
            "docker-distribution-api-version": ["other"],
        }
    )
    with app.test_client() as client:
        for path in ("/v2/", "/v2/x/tags/list", "/nowhere", "/health/live", "/v1/_ping"):
            headers = client.get(path).headers
            assert headers.getlist("X-Content-Type-Options") == ["nosniff"]
            assert len(headers.getlist("Access-Control-Allow-Origin")) == 2
        assert client.options("/v2/").headers["X-Content-Type-Options"] == "nosniff"
        answer = client.get("/v2/").headers.getlist("Docker-Distribution-API-Version")
        assert answer == ["registry/2.0"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"url_prefix": "/a b"}, "a path of letters"),
        ({"url_prefix": "/a/../b"}, "a path of letters"),
        ({"url_prefix": "/<path:x>"}, "a path of letters"),
        ({"public_url": "registry.example.org"}, "should be a URL"),
        ({"public_url": "https://u:p@example.org"}, "should be a URL"),
        ({"public_url": "https://example.org/?x"}, "should be a URL"),
        ({"public_url": "https://example.org\r\nX: y"}, "should be a URL"),
        ({"response_headers": {"X Y": "z"}}, "name of a header"),
        ({"response_headers": {"X": "a\r\nSet-Cookie: b"}}, "one line"),
        ({"response_headers": {"content-length": "1"}}, "by the server itself"),
        ({"response_headers": "x"}, "valid dictionary"),
    ],
)
def test_what_can_not_be_used(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Settings(**settings)


def test_headers_from_a_variable() -> None:
    settings = Settings(response_headers="{X-A: [b, c], X-D: e}")
    assert settings.response_headers == {"X-A": ["b", "c"], "X-D": ["e"]}
