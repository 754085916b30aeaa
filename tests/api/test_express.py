"""Common reads get the same answer with and without the framework."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, TestResponse

from docker_registry.api.express import Express
from docker_registry.app import App
from docker_registry.auth import Authority
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.registry import Registry
from docker_registry.registry.manifest import DOCKER_LIST, DOCKER_MANIFEST
from tests.api.conftest import OCI_INDEX, OCI_MANIFEST, AppFactory, Pushes, sha256
from tests.api.roll import AUTH, SECRET, Roll, ask, policy, user

LAYER = b"a layer"
INDEX = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()
#: What is commonly asked where ``push`` was.
ASKED = (
    "/v2/",
    "/v2/team/app/manifests/image",
    "/v2/team/app/manifests/index",
    f"/v2/team/app/manifests/{sha256(INDEX)}",
    f"/v2/team/app/blobs/{sha256(LAYER)}",
)


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    return make_app(response_headers={"X-Frame-Options": ["DENY"], "X-Two": ["a", "b"]})


@pytest.fixture
def repo(app: Flask) -> Iterator[Pushes]:
    with app.test_client() as client:
        yield Pushes(client)


@pytest.fixture
def guarded(make_app: AppFactory) -> Flask:
    """Give an application where everybody may pull ``team/app``, and ann ``closed/app`` as well."""
    app = make_app(**AUTH)
    rules = policy(
        ("user:ann", "**", "pull push"),
        ("user:ann", "team/**", "pull push"),
        ("everybody", "team/**", "pull"),
    )
    ask(app, Authority(rules, [Roll(user("ann"))]))
    client = app.test_client()
    for repository in ("team/app", "closed/app"):
        client.environ_base["HTTP_AUTHORIZATION"] = by_password("ann")["Authorization"]
        push(Pushes(client, repository))
    return app


class Prefixed(Pushes):
    def url(self, path: str) -> str:
        return f"/registry{super().url(path)}"


class FarDriver(MemoryDriver):
    concurrency = 8


def push(repo: Pushes) -> None:
    repo.image(LAYER, tag="image")
    assert repo.put(INDEX, "index", **{"Content-Type": OCI_INDEX}).status_code == 201


def by_password(name: str) -> dict[str, str]:
    credentials = base64.b64encode(f"{name}:{SECRET}".encode()).decode()
    return {"Authorization": f"Basic {credentials}"}


def by_token(app: Flask, name: str) -> dict[str, str]:
    scopes = [f"repository:{repository}:pull" for repository in ("team/app", "closed/app")]
    answer = app.test_client().get(
        "/auth/token", headers=by_password(name), query_string={"scope": scopes}
    )
    return {"Authorization": f"Bearer {answer.get_json()['token']}"}


def both(app: Flask, path: str, method: str, **headers: str) -> tuple[TestResponse, TestResponse]:
    """Ask the application as it is, and without its short cut."""
    assert isinstance(app, App)
    client = app.test_client()
    quick = client.open(path, method=method, headers=headers)
    shortcut, app.wsgi_app = app.wsgi_app, app.express.application  # type: ignore[method-assign]
    try:
        return quick, client.open(path, method=method, headers=headers)
    finally:
        app.wsgi_app = shortcut  # type: ignore[method-assign]


def environ(path: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    return EnvironBuilder(path=path, method=method, headers=headers).get_environ()


def is_common(app: Flask, path: str, method: str = "GET", **headers: str) -> bool:
    """Tell whether the short cut answers."""
    assert isinstance(app, App)
    return app.express.answer(environ(path, method, **headers)) is not None


def assert_same(app: Flask, path: str, method: str, **headers: str) -> None:
    quick, slow = both(app, path, method, **headers)
    assert quick.status == slow.status
    assert sorted(quick.headers) == sorted(slow.headers)
    assert quick.data == slow.data


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_same_answer(app: Flask, repo: Pushes, method: str) -> None:
    push(repo)
    for path in ASKED:
        assert_same(app, path, method, Accept=OCI_MANIFEST)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", ["nobody", "ann", "token"])
def test_the_same_answer_where_there_is_authentication(
    guarded: Flask, name: str, method: str
) -> None:
    sent = {"nobody": {}, "ann": by_password("ann"), "token": by_token(guarded, "ann")}[name]
    for repository in ("team/app", "closed/app"):
        for path in ASKED:
            assert_same(guarded, path.replace("team/app", repository), method, **sent)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v2/team/app/manifests/none", {}),
        ("/v2/team/app/manifests/" + sha256(b"none"), {}),
        ("/v2/team/none/manifests/image", {}),
        ("/v2/Team/App/manifests/image", {}),
        ("/v2/team/app/manifests/-", {}),
        ("/v2/team/app/manifests/md5:1", {}),
        ("/v2/team//app/manifests/image", {}),
        ("/v2//team/app/manifests/image", {}),
        ("/v2/team/app/manifests/image/", {}),
        ("/v2/team/app/manifests/image?x=y", {}),
        ("/v2/manifests/image", {}),
        ("/v2/team/app/blobs/image", {}),
        ("/v2/team/app/blobs/" + sha256(b"none"), {}),
        ("/v2", {}),
        ("/v2/team/app/manifests/image", {"If-None-Match": "*"}),
        ("/v2/team/app/manifests/image", {"X-Forwarded-Host": "elsewhere", "Range": "bytes=0-1"}),
        ("/v2/team/app/manifests/image", {"Authorization": "Bearer whatever"}),
        ("/v2/team/app/manifests/im\u00e4ge", {}),
        ("/v2/team/app%2fmanifests/image", {}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_what_is_out_of_the_ordinary(
    app: Flask, repo: Pushes, path: str, headers: dict[str, str], method: str
) -> None:
    push(repo)
    assert_same(app, path, method, **headers)


def test_lists_of_docker_depend_on_the_client(app: Flask, repo: Pushes) -> None:
    image = repo.image(LAYER)
    child = {**repo.descriptor(image), "platform": {"os": "linux", "architecture": "amd64"}}
    listing = {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [child]}
    assert repo.put(listing, "list").status_code == 201
    for accept in (DOCKER_LIST, DOCKER_MANIFEST):
        assert_same(app, repo.url("manifests/list"), "GET", Accept=accept)


def test_headers_of_the_operator_that_meet_ours(make_app: AppFactory) -> None:
    headers = {"cache-control": ["no-store"], "ETag": ["mine"], "Vary": ["Accept"]}
    app = make_app(response_headers=headers)
    push(Pushes(app.test_client()))
    for path in ASKED:
        assert_same(app, path, "GET")


def test_a_prefix(make_app: AppFactory) -> None:
    app = make_app(url_prefix="/registry")
    push(Prefixed(app.test_client()))
    for path in (*ASKED, *(f"/registry{path}" for path in ASKED)):
        assert_same(app, path, "GET")
    assert is_common(app, "/registry/v2/team/app/manifests/image")


def test_what_is_common(app: Flask, repo: Pushes) -> None:
    push(repo)
    for path in ASKED:
        assert is_common(app, path, "HEAD")
        # The bytes of a blob may take long to send.
        assert is_common(app, path, "GET") == ("/blobs/" not in path)
    # What is missing is for the application to tell.
    assert not is_common(app, repo.url("manifests/none"))


def test_what_is_common_where_there_is_authentication(guarded: Flask) -> None:
    path = "/v2/closed/app/manifests/image"
    token = by_token(guarded, "ann")
    # Who hasn't been seen before may take some time.
    assert not is_common(guarded, path, **token)
    assert guarded.test_client().get(path, headers=token).status_code == 200
    assert is_common(guarded, path, **token)
    assert not is_common(guarded, path)
    assert is_common(guarded, "/v2/team/app/manifests/image")
    assert not is_common(guarded, "/v2/")


def test_a_network_is_not_waited_for(app: Flask, repo: Pushes) -> None:
    push(repo)
    assert isinstance(app, App)
    context = dataclasses.replace(app.express.context, registry=Registry(FarDriver()))
    far = Express(app.wsgi_app, context, lambda: None)
    assert far.answer(environ("/v2/")) is None
    assert app.express.answer(environ("/v2/")) is not None
