"""How often a request asks the backend, which is far away for most."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from docker_registry import drivers
from docker_registry.app import create_app
from docker_registry.config import Settings
from docker_registry.drivers.memory import MemoryDriver
from tests import passwords
from tests.api.conftest import OCI_MANIFEST, OCTETS, Pushes, sha256
from tests.api.v1.pushes import V1Pushes, image_id, payload_checksum

CALLS = {
    *("get_content", "put_content", "put_transient", "reader", "stat", "list", "touch", "delete"),
    *("write", "start_upload", "append", "upload_content", "commit", "abort", "check"),
}


class CountingDriver(MemoryDriver):
    """Remembers what it was asked, but not what it asks itself; and is taken for far away."""

    concurrency = 2

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.busy = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in CALLS:
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            if self.busy:
                return found(*arguments, **named)
            self.calls.append(name)
            self.busy = True
            try:
                return found(*arguments, **named)
            finally:
                self.busy = False

        return call


class Site:
    """One store, and any number of nodes that have seen nothing yet."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.driver = CountingDriver()
        monkeypatch.setattr(drivers, "create", lambda settings: self.driver)
        # No thread of the background jobs asks the backend in between.
        monkeypatch.setattr("docker_registry.app.Scheduler.ensure_running", lambda self: None)

    def node(self, **settings: Any) -> Flask:
        return create_app(Settings(storage="memory", search_backend="none", **settings))

    def calls(self, app: Flask, method: str, path: str, status: int = 200, **request: Any) -> int:
        client = app.test_client()
        self.driver.calls.clear()
        answer = client.open(path, method=method, **request)
        assert len(answer.data) >= 0
        assert answer.status_code == status, answer.data
        return len(self.driver.calls)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(monkeypatch)


@pytest.fixture
def image(site: Site) -> dict[str, str]:
    """Push an image, and give the paths of its parts."""
    pushes = Pushes(site.node().test_client())
    layer = pushes.blob(b"layer " * 1000)
    manifest = pushes.image(b"layer " * 1000, tag="latest")
    return {
        "blob": pushes.url(f"blobs/{layer['digest']}"),
        "tag": pushes.url("manifests/latest"),
        "digest": pushes.url(f"manifests/{manifest}"),
        "nothing": pushes.url(f"blobs/sha256:{'0' * 64}"),
        "uploads": pushes.url("blobs/uploads/"),
    }


def test_heads(site: Site, image: dict[str, str]) -> None:
    node = site.node()
    assert site.calls(node, "HEAD", image["nothing"], 404) == 1
    for path in ("blob", "tag", "digest"):
        site.calls(node, "HEAD", image[path])
        assert site.calls(node, "HEAD", image[path]) == 1


def test_gets_of_a_node_that_has_seen_nothing(site: Site, image: dict[str, str]) -> None:
    assert site.calls(site.node(), "GET", image["blob"]) == 2
    assert site.calls(site.node(), "GET", image["blob"], 206, headers={"Range": "bytes=5-"}) == 2
    assert site.calls(site.node(), "GET", image["blob"], 206, headers={"Range": "bytes=0-9"}) == 2
    assert site.calls(site.node(), "GET", image["tag"]) == 3
    assert site.calls(site.node(), "GET", image["digest"]) == 2


def test_gets_of_a_node_that_has_seen_the_manifest(site: Site, image: dict[str, str]) -> None:
    node = site.node()
    site.calls(node, "GET", image["tag"])
    assert site.calls(node, "GET", image["tag"]) == 1
    assert site.calls(node, "GET", image["digest"]) == 1


def test_listings(site: Site, image: dict[str, str]) -> None:
    """V1 is only asked for what is not there today."""
    node = site.node()
    assert site.calls(node, "GET", "/v2/team/app/tags/list") == 1
    assert site.calls(node, "GET", "/v2/team/none/tags/list", 404) == 2 + 1
    site.calls(node, "GET", image["tag"])
    assert site.calls(node, "GET", image["tag"]) == 1
    assert site.calls(node, "HEAD", "/v2/team/app/manifests/none", 404) == 1 + 1
    digest = f"sha256:{'0' * 64}"
    assert site.calls(node, "HEAD", f"/v2/team/app/manifests/{digest}", 404) == 1


def test_pushes(site: Site, image: dict[str, str]) -> None:
    node, data = site.node(), b"another layer"
    digest = sha256(data)
    whole = f"{image['uploads']}?digest={digest}"
    assert site.calls(node, "POST", whole, 201, data=data, headers=OCTETS) == 2
    assert site.calls(node, "POST", f"{image['uploads']}?mount={digest}&from=team/app", 201) == 2


def test_a_manifest_is_checked_and_stored(site: Site, image: dict[str, str]) -> None:
    node = site.node()
    content = node.test_client().get(image["tag"]).data
    headers = {"Content-Type": OCI_MANIFEST}
    calls = site.calls(node, "PUT", image["tag"], 201, data=content, headers=headers)
    # Content, link, tag, its history and whether both still stand; two references, twice.
    assert calls <= 10 + 4


def test_referrers_of_a_manifest_that_has_none(site: Site, image: dict[str, str]) -> None:
    path = image["digest"].replace("manifests", "referrers")
    # A page of those pushed here, and the link of the tag that other registries' clients use.
    assert site.calls(site.node(), "GET", path) == 2


def test_v1(site: Site) -> None:
    node = site.node()
    v1 = V1Pushes(node.test_client())
    image = v1.image("whole")
    path = f"/v1/images/{image}"
    # Each begins with the question whether the image is complete.
    assert site.calls(node, "GET", f"{path}/layer") == 2
    assert site.calls(node, "GET", f"{path}/layer", 206, headers={"Range": "bytes=1-"}) == 2
    assert site.calls(node, "GET", f"{path}/ancestry") == 2
    assert site.calls(node, "GET", f"{path}/json") == 4
    child = image_id("child")
    path, document = f"/v1/images/{child}", v1.document(child, image)
    # Three questions; when it was begun, the mark, JSON and ancestry.
    assert site.calls(node, "PUT", f"{path}/json", data=document) == 3 + 4
    assert site.calls(node, "PUT", f"{path}/layer", data=b"layer") == 2 + 2
    headers = {"X-Docker-Checksum-Payload": payload_checksum(document, b"layer")}
    assert site.calls(node, "PUT", f"{path}/checksum", headers=headers) == 4 + 2
    tag = "/v1/repositories/team/app/tags/x"
    assert site.calls(node, "PUT", tag, data=f'"{child}"') == 2 + 2


def test_v1_where_not_everybody_may_have_every_image(site: Site, tmp_path: Path) -> None:
    auth = {"auth": ["htpasswd"], "auth_htpasswd": {"path": str(passwords.write(tmp_path / "u"))}}
    rule = {"who": ["anonymous"], "may": ["push"]}
    whole = site.node(**auth, policy=[{**rule, "repositories": "**"}])
    some = site.node(**auth, policy=[{**rule, "repositories": "team/**"}])
    v1 = V1Pushes(whole.test_client())
    image = v1.image("top", v1.image("base"))
    tag = "/v1/repositories/team/app/tags/x"
    # Who may have everything costs nothing more.
    assert site.calls(whole, "PUT", tag, data=f'"{image}"') == 2 + 2
    assert site.calls(whole, "GET", f"/v1/images/{image}/layer") == 2
    assert site.calls(whole, "GET", tag) == 1
    # Of others, the first who sees the tag has its images recorded, one by one.
    assert site.calls(some, "GET", tag) == 1 + 3 + 2 * 3 + 2
    assert site.calls(some, "GET", tag) == 1 + 1
    # Whether "team" has it, a page of those below that may, and whether the first has it.
    assert site.calls(some, "GET", f"/v1/images/{image}/layer") == 2 + 3
