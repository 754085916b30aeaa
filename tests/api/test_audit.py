"""Who did what: which lines there are, and what is in them."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest
from flask import Flask

from docker_registry.api.audit import CHANGES
from docker_registry.api.permissions import READING
from docker_registry.auth import Authority
from docker_registry.auth.method import Password
from docker_registry.auth.throttle import Throttle
from docker_registry.config import LoginLimits
from docker_registry.errors import IdentityUnavailable
from tests.api.conftest import AppFactory, Pushes, sha256
from tests.api.roll import AUTH, SECRET, Caller, Roll, ask, callers, policy, user
from tests.api.test_isolation import manifest, push_blob
from tests.api.test_permissions import ROUTES

POLICY = policy(("user:bob", "b/**", "push delete"), ("user:root", "**", "admin"))

#: Routes that change something, and are no push and no delete of their own.
PARTS_OF_OTHERS = {
    "token.post", "v1.create_user", "v1.delete_images", "v1.put_auth", "v1.put_checksum",
    "v1.put_image_json", "v1.put_images", "v1.put_layer", "v1.put_properties", "v1.put_repository",
    "v1.update_user", "v2.append_to_upload", "v2.cancel_upload", "v2.finish_upload",
    "v2.start_upload",
}  # fmt: skip


class Audit:
    """The lines that were written since the last look."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def take(self) -> list[dict[str, Any]]:
        taken = [r.audit for r in self._caplog.records if r.name == "docker_registry.audit"]
        self._caplog.clear()
        return taken

    def one(self) -> dict[str, Any]:
        (line,) = self.take()
        return line


@pytest.fixture
def audit(caplog: pytest.LogCaptureFixture) -> Audit:
    caplog.set_level(logging.INFO, "docker_registry.audit")
    return Audit(caplog)


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    authority = Authority(POLICY, [Roll(user("bob"), user("root"))], Throttle(LoginLimits()))
    return ask(make_app(**AUTH), authority)


@pytest.fixture
def who(app: Flask) -> dict[str, Caller]:
    return callers(app, ["bob", "root"])


def test_every_route_that_changes_something_was_thought_of() -> None:
    changing = {endpoint for method, _, endpoint in ROUTES if method not in READING}
    assert changing <= set(CHANGES) | PARTS_OF_OTHERS
    assert not set(CHANGES) & PARTS_OF_OTHERS


class TestLogins:
    def test_success(self, who: dict[str, Caller], audit: Audit) -> None:
        who["bob"]("GET", "/v2/", headers={"User-Agent": "docker/28 x"})
        assert audit.one() == {
            "event": "login",
            "identity": "htpasswd:bob",
            "method": "htpasswd",
            "address": "127.0.0.1",
            "request": "GET /v2/",
            "outcome": "success",
            "user": "bob",
            "status": 200,
            "agent": "docker/28 x",
        }

    def test_failure(self, who: dict[str, Caller], audit: Audit) -> None:
        for path in ("/v2/", "/v2/b/app/tags/list"):
            Caller(who["bob"].client, "bob", "guess")("GET", path)
            line = audit.one()
            assert (line["event"], line["outcome"], line["status"]) == ("login", "failure", 401)
            assert (line["identity"], line["user"]) == ("anonymous", "bob")

    def test_limited(self, who: dict[str, Caller], audit: Audit) -> None:
        wrong = Caller(who["bob"].client, "bob", "guess")
        outcomes = []
        for _ in range(LoginLimits().per_user + 1):
            wrong("GET", "/v2/")
            outcomes.append(audit.one())
        assert {line["outcome"] for line in outcomes[:-1]} == {"failure"}
        assert (outcomes[-1]["outcome"], outcomes[-1]["status"]) == ("limited", 429)

    def test_unavailable(self, make_app: AppFactory, audit: Audit) -> None:
        class Away(Roll):
            def log_in(self, password: Password) -> Any:
                raise IdentityUnavailable("away")

        app = ask(make_app(), Authority(POLICY, [Away()]))
        assert callers(app, ["bob"])["bob"]("GET", "/v2/").status_code == 503
        assert audit.one()["outcome"] == "unavailable"

    def test_a_token_is_given(self, who: dict[str, Caller], audit: Audit) -> None:
        who["anonymous"]("GET", "/auth/token")
        assert audit.take() == []
        given = who["bob"]("GET", "/auth/token?offline_token=1").get_json()
        line = audit.one()
        assert (line["event"], line["outcome"]) == ("login", "success")
        assert line["identity"] == "htpasswd:bob"
        form = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
        assert who["anonymous"].post("/auth/token", data=form).status_code == 200
        line = audit.one()
        assert (line["event"], line["identity"]) == ("login", "htpasswd:bob")
        form = {"grant_type": "password", "username": "bob", "password": "guess"}
        assert who["anonymous"].post("/auth/token", data=form).status_code == 401
        line = audit.one()
        assert (line["outcome"], line["user"]) == ("failure", "bob")

    def test_a_token_tells_who_it_is(
        self, who: dict[str, Caller], app: Flask, audit: Audit
    ) -> None:
        scope = "repository:b/app:pull,push,delete"
        token = who["bob"]("GET", f"/auth/token?scope={scope}").get_json()["token"]
        audit.take()
        headers = {"Authorization": f"Bearer {token}"}
        assert app.test_client().delete("/v2/a/app/", headers=headers).status_code == 401
        line = audit.one()
        assert (line["event"], line["identity"]) == ("refuse", "htpasswd:bob")
        assert line["scheme"] == "bearer"
        assert token not in str(line)

    def test_a_password_with_each_request_is_not_one_each_time(
        self, who: dict[str, Caller], audit: Audit
    ) -> None:
        who["bob"]("GET", "/v2/b/app/tags/list")
        who["bob"]("GET", "/v2/_catalog")
        assert audit.take() == []


class TestRefusals:
    def test_who_is_told_to_log_in_is_no_line(self, who: dict[str, Caller], audit: Audit) -> None:
        assert who["anonymous"]("GET", "/v2/").status_code == 401
        assert who["anonymous"].put("/v2/b/app/manifests/v1").status_code == 401
        assert audit.take() == []

    def test_denied(self, who: dict[str, Caller], audit: Audit) -> None:
        who["bob"].put("/v2/a/app/manifests/v1?tag=x")
        line = audit.one()
        assert line["event"] == "refuse"
        assert line["identity"] == "htpasswd:bob"
        assert line["request"] == "PUT /v2/a/app/manifests/v1"
        assert (line["repository"], line["tag"], line["status"]) == ("a/app", "v1", 403)
        assert line["scheme"] == "basic"

    @pytest.mark.parametrize("header", ["Bearer x.y.z", "Digest a=b", "nonsense", "Basic !"])
    def test_other_credentials(self, app: Flask, audit: Audit, header: str) -> None:
        answer = app.test_client().get("/v2/b/app/tags/list", headers={"Authorization": header})
        assert answer.status_code == 401
        line = audit.one()
        assert (line["event"], line["identity"]) == ("refuse", "anonymous")
        assert "x.y.z" not in str(line)

    def test_a_refresh_token_that_is_no_longer_good(
        self, who: dict[str, Caller], app: Flask, audit: Audit
    ) -> None:
        refresh = who["bob"]("GET", "/auth/token?offline_token=1").get_json()["refresh_token"]
        authority = app.extensions["docker_registry"].authority
        authority.methods[0].identities.clear()
        audit.take()
        for text, told in (
            (refresh, ("login", "failure", "bob")),
            ("x.y.z", ("refuse", None, None)),
        ):
            form = {"grant_type": "refresh_token", "refresh_token": text}
            assert who["anonymous"].post("/auth/token", data=form).status_code == 401
            line = audit.one()
            assert (line["event"], line.get("outcome"), line.get("user")) == told
            assert line["identity"] == "anonymous"
            assert text not in str(line)


class TestChanges:
    def test_push_and_delete(self, who: dict[str, Caller], audit: Audit) -> None:
        bob, content = who["bob"], manifest()
        push_blob(bob, "b/app", b"{}")
        digest, config = sha256(content), sha256(b"{}")
        assert audit.take() == []
        bob.put("/v2/b/app/manifests/v1", data=content)
        bob.put(f"/v2/b/app/manifests/{digest}?tag=v2&tag=v3", data=content)
        bob("DELETE", "/v2/b/app/manifests/v1")
        bob("DELETE", f"/v2/b/app/manifests/{digest}")
        bob("DELETE", f"/v2/b/app/blobs/{config}")
        bob.put("/v2/b/app/manifests/v1", data=content)
        push_blob(bob, "b/app", b"{}")
        bob.put("/v2/b/app/manifests/v1", data=content)
        bob("DELETE", "/v2/b/app/")
        bob("DELETE", "/v2/b/app/manifests/v1")
        said = [
            tuple(line.get(name) for name in ("event", "tag", "digest", "tags", "status"))
            for line in audit.take()
        ]
        assert said == [
            ("push", "v1", digest, None, 201),
            ("push", None, digest, "v2, v3", 201),
            ("delete", "v1", None, None, 202),
            ("delete", None, digest, None, 202),
            ("delete", None, config, None, 202),
            ("push", "v1", digest, None, 201),
            ("delete", None, None, None, 202),
        ]

    def test_an_open_registry_tells_of_changes_too(
        self, make_app: AppFactory, audit: Audit
    ) -> None:
        Pushes(make_app().test_client()).image(tag="v1")
        line = audit.one()
        assert (line["event"], line["identity"], line["tag"]) == ("push", "anonymous", "v1")
        assert line["repository"] == "team/app"

    def test_a_question_is_no_change(self, who: dict[str, Caller], audit: Audit) -> None:
        for method, path, endpoint in ROUTES:
            if method in READING and endpoint in CHANGES:
                assert who["anonymous"](method, path).status_code == 200
        assert who["anonymous"]("OPTIONS", "/v2/b/app/").status_code == 200
        assert audit.take() == []

    def test_names_that_are_none(self, who: dict[str, Caller], audit: Audit) -> None:
        who["bob"]("DELETE", "/v2/b/app%0aevent=push/manifests/v1")
        who["bob"]("DELETE", "/v2/b/app/manifests/v1%0a")
        assert audit.take() == []


def test_no_secret_is_logged(
    who: dict[str, Caller], app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    guess = "guessed-horse-battery"
    for caller in (who["bob"], who["root"], Caller(who["bob"].client, "bob", guess)):
        for method, path, _ in ROUTES:
            caller(method, path).close()
    client = app.test_client()
    for scheme in ("Bearer", "Token", "Digest", ""):
        client.get("/v2/b/app/tags/list", headers={"Authorization": f"{scheme} {guess}".strip()})
    assert caplog.records
    written = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    for secret in (SECRET, guess):
        assert secret not in written
        for name in ("bob", "root"):
            assert base64.b64encode(f"{name}:{secret}".encode()).decode() not in written
