"""What one may not see, one doesn't learn of either: blobs, uploads, mounts, referrers.

Each class has the mistake of another registry that it is about.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from docker_registry.api.context import Context
from docker_registry.auth import Authority
from docker_registry.auth.access import Scope
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.registry import layout
from docker_registry.registry.names import Digest, RepositoryName, UploadId
from tests.api.conftest import OCI_CONFIG, OCI_MANIFEST, AppFactory, error_codes, sha256
from tests.api.roll import AUTH, Caller, Roll, TokenAuthority, ask, callers, policy, user

POLICY = policy(
    ("user:alice user:al", "a/**", "push delete"),
    ("user:bob", "b/**", "push delete"),
    ("user:root", "**", "admin"),
    ("user:both", "a/**", "pull"),
    ("user:both", "b/**", "push"),
)
NAMES = ("alice", "al", "bob", "root", "both")
SECRET_LAYER = b"what only project a may see"
SECRET_DIGEST = sha256(SECRET_LAYER)
ABSENT = sha256(b"absent")


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    return ask(make_app(**AUTH), Authority(POLICY, [Roll(*map(user, NAMES))]))


@pytest.fixture
def who(app: Flask) -> dict[str, Caller]:
    clients = callers(app, NAMES)
    push_blob(clients["alice"], "a/app", SECRET_LAYER)
    return clients


def push_blob(caller: Caller, repository: str, data: bytes) -> str:
    digest = sha256(data)
    assert (
        caller.post(f"/v2/{repository}/blobs/uploads/?digest={digest}", data=data).status_code
        == 201
    )
    return digest


def manifest(*layers: str, **more: Any) -> bytes:
    config = {"mediaType": OCI_CONFIG, "digest": sha256(b"{}"), "size": 2}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config,
        "layers": [{"mediaType": "a/b", "digest": digest, "size": 1} for digest in layers],
        **more,
    }
    return json.dumps(document).encode()


class TestUploads:
    """CVE-2026-32589: the id of an upload was good in other repositories, for other users."""

    REQUESTS = (
        ("GET", ""),
        ("PATCH", ""),
        ("PUT", f"?digest={sha256(b'data')}"),
        ("PUT", f"?digest={SECRET_DIGEST}"),
        ("DELETE", ""),
    )

    @pytest.fixture
    def begun(self, who: dict[str, Caller]) -> str:
        answer = who["alice"].post("/v2/a/app/blobs/uploads/")
        path = answer.headers["Location"].removeprefix("http://localhost")
        assert who["alice"]("PATCH", path, data=b"data").status_code == 202
        return path

    @pytest.mark.parametrize(("method", "query"), REQUESTS)
    @pytest.mark.parametrize("name", ["al", "root"])
    def test_others_do_not_find_it(
        self, who: dict[str, Caller], begun: str, name: str, method: str, query: str
    ) -> None:
        answer = who[name](method, begun + query, data=b"more")
        unknown = who[name](
            method, f"/v2/a/app/blobs/uploads/{UploadId.new()}{query}", data=b"more"
        )
        assert answer.status_code == unknown.status_code == 404
        if method != "HEAD":
            assert error_codes(answer) == error_codes(unknown) == ["BLOB_UPLOAD_UNKNOWN"]
        self.check_unharmed(who, begun)

    @pytest.mark.parametrize(("method", "query"), REQUESTS)
    def test_another_repository_does_not_have_it(
        self, who: dict[str, Caller], begun: str, method: str, query: str
    ) -> None:
        for name, repository in (("bob", "b/app"), ("root", "b/app"), ("alice", "a/other")):
            path = begun.replace("a/app", repository) + query
            assert who[name](method, path, data=b"more").status_code == 404
        self.check_unharmed(who, begun)

    def check_unharmed(self, who: dict[str, Caller], begun: str) -> None:
        assert who["alice"]("GET", begun).headers["Range"] == "0-3"
        assert who["alice"].put(f"{begun}?digest={sha256(b'data')}").status_code == 201

    def test_a_session_of_before_there_was_authentication_is_not_gone_on_with(
        self, who: dict[str, Caller], begun: str, app: Flask
    ) -> None:
        context: Context = app.extensions["docker_registry"]
        driver = context.registry.driver
        path = layout.upload_session(RepositoryName("a/app"), UploadId(begun.rpartition("/")[2]))
        record = json.loads(driver.get_content(path))
        assert record.pop("owner") == "htpasswd:alice"
        driver.put_content(path, json.dumps(record).encode())
        assert who["alice"]("GET", begun).status_code == 404

    def test_who_was_given_one_without_logging_in_goes_on(self, make_app: AppFactory) -> None:
        rules = policy(("everybody", "**", "push"))
        clients = callers(ask(make_app(), Authority(rules, [Roll(user("bob"))])), ["bob"])
        path = clients["anonymous"].post("/v2/x/blobs/uploads/").headers["Location"]
        assert clients["bob"]("GET", path).status_code == 404
        assert clients["anonymous"]("GET", path).status_code == 204


class TestMounting:
    """CVE-2024-39897: a digest was enough to mount a blob from anywhere."""

    def mount(self, caller: Caller, digest: str, source: str | None, target: str = "b/app") -> Any:
        query = f"?mount={digest}" + (f"&from={source}" if source else "")
        return caller.post(f"/v2/{target}/blobs/uploads/{query}")

    @pytest.mark.parametrize("source", ["a/app", "a/none", None])
    @pytest.mark.parametrize("digest", [SECRET_DIGEST, ABSENT])
    def test_what_one_may_not_pull_is_not_mounted_and_not_asked_for(
        self,
        who: dict[str, Caller],
        monkeypatch: pytest.MonkeyPatch,
        digest: str,
        source: str | None,
    ) -> None:
        asked = []
        get_content, stat = MemoryDriver.get_content, MemoryDriver.stat

        def recording(method: Callable[..., Any]) -> Callable[..., Any]:
            def record(driver: MemoryDriver, path: str) -> Any:
                asked.append(path)
                return method(driver, path)

            return record

        monkeypatch.setattr(MemoryDriver, "get_content", recording(get_content))
        monkeypatch.setattr(MemoryDriver, "stat", recording(stat))
        answer = self.mount(who["bob"], digest, source)
        assert answer.status_code == 202
        assert answer.headers["Range"] == "0-0"
        assert not [path for path in asked if digest.partition(":")[2] in path]
        assert who["bob"]("HEAD", f"/v2/b/app/blobs/{digest}").status_code == 404

    @pytest.mark.parametrize("source", ["a/app", None])
    def test_what_one_may_pull_is(self, who: dict[str, Caller], source: str | None) -> None:
        assert self.mount(who["root"], SECRET_DIGEST, source).status_code == 201
        assert who["bob"]("GET", f"/v2/b/app/blobs/{SECRET_DIGEST}").data == SECRET_LAYER

    def test_pulling_from_the_source_is_enough(self, who: dict[str, Caller]) -> None:
        assert self.mount(who["both"], SECRET_DIGEST, None).status_code == 202
        assert self.mount(who["both"], SECRET_DIGEST, "a/app").status_code == 201

    def test_a_token_must_be_for_the_source_too(self, make_app: AppFactory) -> None:
        target = Scope("repository", "b/app", frozenset({"pull", "push"}))
        source = Scope("repository", "a/app", frozenset({"pull"}))
        for scopes, status in (((target,), 202), ((target, source), 201)):
            app = ask(make_app(), TokenAuthority(POLICY, [Roll(user("both"))], scopes=scopes))
            registry = app.extensions["docker_registry"].registry
            registry.uploads.push(RepositoryName("a/app"), Digest(SECRET_DIGEST), [SECRET_LAYER])
            caller = callers(app, ["both"])["both"]
            assert self.mount(caller, SECRET_DIGEST, "a/app").status_code == status

    def test_a_token_for_lists_is_for_no_blob(self, make_app: AppFactory) -> None:
        scopes = (
            Scope("repository", "b/app", frozenset({"pull", "push"})),
            Scope("registry", "catalog", frozenset({"*"})),
        )
        app = ask(make_app(), TokenAuthority(POLICY, [Roll(user("root"))], scopes=scopes))
        registry = app.extensions["docker_registry"].registry
        registry.uploads.push(RepositoryName("a/app"), Digest(SECRET_DIGEST), [SECRET_LAYER])
        root = callers(app, ["root"])["root"]
        assert root("GET", "/v2/_catalog").status_code == 200
        assert self.mount(root, SECRET_DIGEST, None).status_code == 202
        assert root("GET", f"/v2/b/app/blobs/{SECRET_DIGEST}").status_code == 404

    def test_clients_are_told_to_get_a_token_for_both(self, who: dict[str, Caller]) -> None:
        answer = self.mount(who["anonymous"], SECRET_DIGEST, "a/app")
        assert answer.status_code == 401
        challenge = answer.headers["WWW-Authenticate"]
        assert 'scope="repository:b/app:pull,push repository:a/app:pull"' in challenge

    @pytest.mark.parametrize("source", ["UP", 'x",realm="http://evil.example', "a/../b", "x" * 300])
    def test_a_source_that_can_not_be_is_not_repeated(
        self, who: dict[str, Caller], source: str
    ) -> None:
        for name in ("anonymous", "bob"):
            answer = self.mount(who[name], SECRET_DIGEST, source)
            assert answer.status_code == 400
            assert error_codes(answer) == ["NAME_INVALID"]
            assert "WWW-Authenticate" not in answer.headers


class TestDigests:
    """Whether a digest is anywhere else is nowhere told (CVE-2024-39897 and its like)."""

    @pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
    @pytest.mark.parametrize("kind", ["blobs", "manifests", "referrers"])
    def test_reading(self, who: dict[str, Caller], kind: str, method: str) -> None:
        content = push_image(who["alice"], "a/app", SECRET_DIGEST)
        known = SECRET_DIGEST if kind == "blobs" else sha256(content)
        answers = [
            who["bob"](method, f"/v2/b/app/{kind}/{digest}", headers=headers)
            for digest in (known, ABSENT)
            for headers in ({}, {"If-None-Match": f'"{digest}"'}, {"Range": "bytes=0-1"})
        ]
        assert len({answer.status_code for answer in answers}) == 1
        bodies = {answer.data.replace(known.encode(), ABSENT.encode()) for answer in answers}
        assert len(bodies) == 1

    def test_pushing_a_manifest_over_it(self, who: dict[str, Caller]) -> None:
        push_blob(who["bob"], "b/app", b"{}")
        for query in ("", "?tag=x"):
            codes = [
                error_codes(who["bob"].put(f"/v2/b/app/manifests/v1{query}", data=manifest(digest)))
                for digest in (SECRET_DIGEST, ABSENT)
            ]
            assert codes == [["MANIFEST_BLOB_UNKNOWN"]] * 2

    def test_an_index_over_it(self, who: dict[str, Caller]) -> None:
        child = sha256(push_image(who["alice"], "a/app", SECRET_DIGEST))
        for digest in (child, ABSENT):
            index = json.dumps(
                {
                    "schemaVersion": 2,
                    "mediaType": "application/vnd.oci.image.index.v1+json",
                    "manifests": [{"mediaType": OCI_MANIFEST, "digest": digest, "size": 9}],
                }
            )
            answer = who["bob"].put("/v2/b/app/manifests/v1", data=index)
            assert error_codes(answer) == ["MANIFEST_BLOB_UNKNOWN"]

    def test_a_subject_elsewhere(self, who: dict[str, Caller]) -> None:
        subject = sha256(push_image(who["alice"], "a/app", SECRET_DIGEST))
        push_blob(who["bob"], "b/app", b"{}")
        about = {"mediaType": OCI_MANIFEST, "digest": subject, "size": 9}
        pushed = who["bob"].put("/v2/b/app/manifests/sig", data=manifest(subject=about))
        assert pushed.status_code == 201
        assert listed(who["bob"], f"/v2/b/app/referrers/{subject}") == 1
        # It is a matter of the repository that it was pushed to.
        assert listed(who["alice"], f"/v2/a/app/referrers/{subject}") == 0


def test_sparse_indexes_give_nothing_either(make_app: AppFactory) -> None:
    app = ask(make_app(sparse_indexes=True), Authority(POLICY, [Roll(*map(user, NAMES))]))
    clients = callers(app, NAMES)
    push_blob(clients["alice"], "a/app", SECRET_LAYER)
    assert (
        clients["bob"].put("/v2/b/app/manifests/v1", data=manifest(SECRET_DIGEST)).status_code
        == 201
    )
    assert clients["bob"]("GET", f"/v2/b/app/blobs/{SECRET_DIGEST}").status_code == 404


class TestRevoked:
    """CVE-2025-23208: groups were added at each login, and never taken away."""

    def test_a_group_that_is_gone_gives_nothing_at_the_next_login(
        self, make_app: AppFactory
    ) -> None:
        roll = Roll(user("eve", "dev"))
        app = ask(make_app(), Authority(policy(("group:dev", "**", "push")), [roll]))
        eve = callers(app, ["eve"])["eve"]
        path = eve.post("/v2/x/blobs/uploads/").headers["Location"]
        assert eve("GET", path).status_code == 204
        roll.identities["eve"] = user("eve")
        assert eve("GET", path).status_code == 403
        assert eve("GET", "/v2/x/tags/list").status_code == 403
        assert eve("GET", "/v2/_catalog").status_code == 403
        del roll.identities["eve"]
        assert eve("GET", "/v2/").status_code == 401


class TestDeletedBlobs:
    """CVE-2026-35172: a deleted blob could be read again after somebody else had read it."""

    def test_deleted_stays_deleted(self, who: dict[str, Caller]) -> None:
        push_blob(who["bob"], "b/app", SECRET_LAYER)
        path = f"/v2/a/app/blobs/{SECRET_DIGEST}"
        assert who["alice"]("GET", path).status_code == 200
        assert who["alice"]("DELETE", path).status_code == 202
        assert who["bob"]("GET", f"/v2/b/app/blobs/{SECRET_DIGEST}").status_code == 200
        for method in ("GET", "HEAD"):
            assert who["alice"](method, path).status_code == 404


def push_image(caller: Caller, repository: str, layer: str) -> bytes:
    push_blob(caller, repository, b"{}")
    content = manifest(layer)
    assert caller.put(f"/v2/{repository}/manifests/v1", data=content).status_code == 201
    return content


def listed(caller: Caller, path: str) -> int:
    return len(caller("GET", path).get_json()["manifests"])
