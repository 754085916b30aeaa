"""Tags that can't be moved, by whatever way.

CVE-2026-31801 was a tag named ``latest`` that could be overwritten by who could only create.
"""

from __future__ import annotations

import pytest
from flask import Flask

from docker_registry.api.context import Context
from docker_registry.app import create_app
from docker_registry.auth import Authority
from docker_registry.auth.access import Scope
from docker_registry.config import Settings
from docker_registry.errors import ConfigError
from docker_registry.legacy import layout
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.legacy.names import Tag as V1Tag
from tests.api.conftest import AppFactory, error_codes, sha256
from tests.api.roll import AUTH, Caller, Roll, TokenAuthority, ask, callers, policy, user
from tests.api.test_isolation import manifest, push_blob
from tests.api.v1.pushes import V1Pushes

POLICY = policy(
    ("user:pusher", "team/**", "push delete"),
    ("user:admin", "team/**", "admin"),
    ("user:admin", "free/**", "admin"),
)
PATTERNS = ["team/**:v*", "team/**:latest"]
FIRST, SECOND = manifest(), manifest(annotations={"a": "b"})
TAGS = ("v1", "latest")


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    roll = Roll(user("pusher"), user("admin"))
    return ask(make_app(write_once=PATTERNS), Authority(POLICY, [roll]))


@pytest.fixture
def who(app: Flask) -> dict[str, Caller]:
    clients = callers(app, ["pusher", "admin"])
    push_blob(clients["pusher"], "team/app", b"{}")
    return clients


def put(caller: Caller, content: bytes, reference: str) -> int:
    return caller.put(f"/v2/team/app/manifests/{reference}", data=content).status_code


def current(caller: Caller, tag: str) -> bytes:
    return caller("GET", f"/v2/team/app/manifests/{tag}").data


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("name", ["pusher", "admin"])
def test_nobody_moves_one(who: dict[str, Caller], name: str, tag: str) -> None:
    caller = who[name]
    assert put(caller, FIRST, tag) == 201
    assert put(caller, FIRST, tag) == 201
    for reference in (tag, f"dev?tag={tag}", f"{sha256(SECOND)}?tag=dev&tag={tag}"):
        answer = caller.put(f"/v2/team/app/manifests/{reference}", data=SECOND)
        assert answer.status_code == 403
        assert error_codes(answer) == ["DENIED"]
        assert answer.get_json()["errors"][0]["detail"] == {"tag": tag}
    assert current(caller, tag) == FIRST
    assert caller("GET", "/v2/team/app/tags/list").get_json()["tags"] == [tag]


def test_others_move(who: dict[str, Caller]) -> None:
    for content in (FIRST, SECOND):
        assert put(who["pusher"], content, "dev") == 201
    assert current(who["pusher"], "dev") == SECOND


@pytest.mark.parametrize("what", ["manifests/v1", f"manifests/{sha256(FIRST)}", ""])
def test_only_who_administers_deletes_one(who: dict[str, Caller], what: str) -> None:
    put(who["pusher"], FIRST, "v1")
    answer = who["pusher"]("DELETE", f"/v2/team/app/{what}")
    assert answer.status_code == 403
    assert answer.get_json()["errors"][0]["detail"]["action"] == "admin"
    assert current(who["pusher"], "v1") == FIRST
    assert who["admin"]("DELETE", f"/v2/team/app/{what}").status_code == 202
    assert who["admin"]("GET", "/v2/team/app/manifests/v1").status_code == 404


def test_a_push_that_loses_a_blob_deletes_none(
    who: dict[str, Caller], app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else who may push and delete gets it away by a push beside a delete of a blob."""
    pusher = who["pusher"]
    put(pusher, FIRST, "v1")
    driver = app.extensions["docker_registry"].registry.driver
    put_content = driver.put_content

    def lose_blob(path: str, data: bytes) -> None:
        put_content(path, data)
        if "/revisions/" in path:
            pusher("DELETE", f"/v2/team/app/blobs/{sha256(b'{}')}")

    monkeypatch.setattr(driver, "put_content", lose_blob)
    assert put(pusher, FIRST, "dev") == 404
    monkeypatch.undo()
    assert current(pusher, "v1") == FIRST
    assert put(pusher, SECOND, "v1") == 403


@pytest.mark.parametrize("what", ["manifests/dev", f"manifests/{sha256(FIRST)}", ""])
def test_who_may_delete_deletes_others(who: dict[str, Caller], what: str) -> None:
    put(who["pusher"], FIRST, "dev")
    assert who["pusher"]("DELETE", f"/v2/team/app/{what}").status_code == 202


def test_a_token_for_it_says_admin(make_app: AppFactory) -> None:
    scope = Scope("repository", "team/app", frozenset({"pull", "push", "delete"}))
    roll = Roll(user("admin"))
    app = make_app(write_once=PATTERNS, **AUTH)
    ask(app, TokenAuthority(POLICY, [roll], scopes=(scope,)))
    admin = callers(app, ["admin"])["admin"]
    push_blob(admin, "team/app", b"{}")
    put(admin, FIRST, "v1")
    answer = admin("DELETE", "/v2/team/app/manifests/v1")
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert 'scope="repository:team/app:delete repository:team/app:admin"' in challenge
    assert 'error="insufficient_scope"' in challenge


class TestWithoutAuthentication:
    def test_nobody_moves_one_and_everybody_may_delete(self, make_app: AppFactory) -> None:
        anyone = Caller(make_app(write_once=PATTERNS).test_client())
        push_blob(anyone, "team/app", b"{}")
        assert [put(anyone, one, "v1") for one in (FIRST, SECOND)] == [201, 403]
        assert anyone("DELETE", "/v2/team/app/manifests/v1").status_code == 202
        assert put(anyone, SECOND, "v1") == 201


class TestV1:
    @pytest.mark.parametrize("tag", TAGS)
    def test_nobody_moves_one(self, make_app: AppFactory, tag: str) -> None:
        client = make_app(write_once=PATTERNS).test_client()
        v1 = V1Pushes(client)
        first, second = v1.image("first"), v1.image("second")
        path = f"/v1/repositories/team/app/tags/{tag}"
        assert client.put(path, json=first).status_code == 200
        assert client.put(path, json=first).status_code == 200
        answer = client.put(path, json=second)
        assert answer.status_code == 403
        assert "written once" in answer.get_json()["error"]
        assert client.get(path).get_json() == first
        assert client.put("/v1/repositories/free/app/tags/v1", json=first).status_code == 200
        assert client.put("/v1/repositories/free/app/tags/v1", json=second).status_code == 200

    def test_bare_names_are_those_of_today(self, make_app: AppFactory) -> None:
        client = make_app(write_once=["app:*"]).test_client()
        v1 = V1Pushes(client)
        first, second = v1.image("first"), v1.image("second")
        for name, statuses in (("app", [200, 403]), ("library/app", [200, 403])):
            path = f"/v1/repositories/{name}/tags/{name.replace('/', '-')}"
            assert [client.put(path, json=i).status_code for i in (first, second)] == statuses

    def test_what_is_no_tag_stays_for_nobody(self, make_app: AppFactory) -> None:
        app = make_app(write_once=PATTERNS)
        context: Context = app.extensions["docker_registry"]
        image = V1Pushes(app.test_client()).image("first")
        name = V1Name.parse("team/app")
        context.legacy.driver.put_content(layout.tag(name, V1Tag("v1")), b"nonsense")
        answer = app.test_client().put("/v1/repositories/team/app/tags/v1", json=image)
        assert answer.status_code == 200
        assert list(context.legacy.tags.written_once(name)) == ["v1"]


def test_a_wrong_pattern_stops_the_start() -> None:
    with pytest.raises(ConfigError, match=r"write_once \(WRITE_ONCE\), entry 1: 'v1' should be"):
        create_app(Settings(storage="memory", search_backend=None, write_once=["v1"]))
