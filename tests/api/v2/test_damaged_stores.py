"""Stores in which a crash, or another program, left something broken: all else goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from docker_registry.registry import layout
from docker_registry.registry.names import Digest, RepositoryName, Tag
from tests.api.conftest import OCI_MANIFEST, AppFactory, Pushes, error_codes, sha256

NAME = RepositoryName("team/app")
GOOD, BAD = b"a good layer", b"a bad layer"


@dataclass
class Store:
    """A repository of two images, tagged ``good`` and ``bad``, of which tests spoil the latter."""

    root: Path
    good: str
    bad: str
    pushed: bytes

    def path(self, name: str) -> Path:
        return self.root / name

    @property
    def link(self) -> Path:
        return self.path(layout.revision_link(NAME, Digest(self.bad)))

    @property
    def tag_link(self) -> Path:
        return self.path(layout.tag_link(NAME, Tag("bad")))

    @property
    def manifest(self) -> Path:
        return self.path(layout.blob(Digest(self.bad)))

    @property
    def layer_link(self) -> Path:
        return self.path(layout.layer_link(NAME, Digest(sha256(BAD))))

    @property
    def layer(self) -> Path:
        return self.path(layout.blob(Digest(sha256(BAD))))


@pytest.fixture
def store(make_app: AppFactory, tmp_path: Path) -> Store:
    with make_app(storage="local", storage_path=str(tmp_path)).test_client() as client:
        pushes = Pushes(client, NAME)
        good, bad = pushes.image(GOOD, tag="good"), pushes.image(BAD, tag="bad")
        return Store(tmp_path, good, bad, pushes.pushed[bad])


@pytest.fixture
def client(make_app: AppFactory, store: Store) -> Iterator[FlaskClient]:
    """Give a client of a registry that remembers nothing of what was pushed."""
    with make_app(storage="local", storage_path=str(store.root)).test_client() as client:
        yield client


def cut(path: Path) -> None:
    path.write_bytes(b"")


def replace_by_a_directory(path: Path) -> None:
    path.unlink()
    (path / "below").mkdir(parents=True)
    (path / "below/file").write_bytes(b"x")


DAMAGES: dict[str, Callable[[Store], object]] = {
    "manifest link empty": lambda store: cut(store.link),
    "manifest link no digest": lambda store: store.link.write_bytes(b"\xff sha256:"),
    "manifest link missing": lambda store: store.link.unlink(),
    "manifest link directory": lambda store: replace_by_a_directory(store.link),
    "manifest empty": lambda store: cut(store.manifest),
    "manifest missing": lambda store: shutil.rmtree(store.manifest.parent),
    "manifest other": lambda store: store.manifest.write_bytes(b"{}"),
    "tag empty": lambda store: cut(store.tag_link),
    "tag without current": lambda store: shutil.rmtree(store.tag_link.parent),
    "tag dangling": lambda store: store.tag_link.write_text(sha256(b"never pushed")),
    "layer link empty": lambda store: cut(store.layer_link),
    "layer link missing": lambda store: shutil.rmtree(store.layer_link.parent),
    "layer empty": lambda store: cut(store.layer),
    "layer missing": lambda store: shutil.rmtree(store.layer.parent),
}


@pytest.fixture(params=DAMAGES)
def damaged(store: Store, request: pytest.FixtureRequest) -> Store:
    DAMAGES[request.param](store)
    return store


def url(path: str) -> str:
    return f"/v2/{NAME}/{path}"


def statuses(client: FlaskClient, image: str, tag: str, layer: bytes) -> set[int]:
    """GET and HEAD all that an image has, and give the statuses."""
    found = set()
    for path in (f"manifests/{tag}", f"manifests/{image}", f"blobs/{sha256(layer)}"):
        for method in ("GET", "HEAD"):
            response = client.open(url(path), method=method, buffered=True)
            found.add(response.status_code)
            if method == "GET" and response.status_code != 200:
                assert error_codes(response) in (["MANIFEST_UNKNOWN"], ["BLOB_UNKNOWN"])
    return found


def push_again(client: FlaskClient, manifest: bytes, layer: bytes, tag: str) -> None:
    """Push an image as clients do: without the blobs that the registry says it has."""
    pushes = Pushes(client, NAME)
    for blob in (b"{}", layer):
        if client.head(url(f"blobs/{sha256(blob)}")).status_code == 404:
            pushes.blob(blob)
    assert pushes.put(manifest, tag, **{"Content-Type": OCI_MANIFEST}).status_code == 201


def test_all_else_goes_on(damaged: Store, client: FlaskClient) -> None:
    assert client.get("/v2/_catalog").get_json()["repositories"] == [NAME]
    assert "good" in client.get(url("tags/list")).get_json()["tags"]
    assert statuses(client, damaged.good, "good", GOOD) == {200}
    assert statuses(client, damaged.bad, "bad", BAD) == {200, 404}
    assert client.get(url(f"referrers/{damaged.bad}")).status_code == 200


def test_what_is_damaged_can_be_deleted(damaged: Store, client: FlaskClient) -> None:
    for path in (f"manifests/{damaged.bad}", "manifests/bad", f"blobs/{sha256(BAD)}"):
        assert client.delete(url(path)).status_code in (202, 404)
    assert client.get(url("tags/list")).get_json()["tags"] == ["good"]
    assert not damaged.layer_link.is_file()
    assert statuses(client, damaged.good, "good", GOOD) == {200}
    assert client.delete(f"/v2/{NAME}/").status_code == 202
    assert client.get("/v2/_catalog").get_json()["repositories"] == []


def test_what_is_damaged_can_be_pushed_again(damaged: Store, client: FlaskClient) -> None:
    if damaged.link.is_dir():
        shutil.rmtree(damaged.link)  # No crash makes one, and nothing is stored in its place.
    push_again(client, damaged.pushed, BAD, "bad")
    assert statuses(client, damaged.bad, "bad", BAD) == {200}
    assert client.get(url(f"blobs/{sha256(BAD)}"), buffered=True).data == BAD
    assert client.get(url("manifests/bad")).data == damaged.pushed


def test_a_manifest_without_its_content_is_deleted_with_its_tags(
    store: Store, client: FlaskClient
) -> None:
    shutil.rmtree(store.manifest.parent)
    assert client.delete(url(f"manifests/{store.bad}")).status_code == 202
    assert not store.link.exists()
    assert client.get(url("tags/list")).get_json()["tags"] == ["good"]
    assert client.delete(url(f"manifests/{store.bad}")).status_code == 404


def test_odd_names(store: Store, client: FlaskClient) -> None:
    repositories = store.root / layout.REPOSITORIES
    for odd in ("Team/App", "a..b", "-x", "team/app/_odd", "team/_new", "x" * 256, "é"):
        if len(odd) < 256:
            shutil.copytree(repositories / NAME, repositories / odd, dirs_exist_ok=True)
    (repositories / "file").write_bytes(b"")
    (repositories / "team/file").write_bytes(b"x")
    tags = store.path(layout.tags(NAME))
    for odd in ("-bad", "no tag", "é", "x" * 129):
        shutil.copytree(tags / "good", tags / odd)
    (tags / "stray").write_bytes(b"")
    revisions = store.path(layout.manifests(NAME)) / "revisions"
    shutil.copytree(revisions / "sha256", revisions / "md5")
    shutil.copytree(revisions / "sha256", revisions / "sha256/short")

    assert client.get("/v2/_catalog").get_json()["repositories"] == [NAME]
    for query in ("", "?n=1", "?n=2"):
        seen, at = [], url(f"tags/list{query}")
        while at:
            response = client.get(at)
            seen += response.get_json()["tags"]
            at = response.headers.get("Link", "").partition(">")[0].lstrip("<")
        assert seen == ["bad", "good", "stray"]
    assert client.get(url("manifests/stray")).status_code == 404
    assert statuses(client, store.good, "good", GOOD) == {200}
    assert client.get("/v2/file/tags/list").status_code == 404
    assert client.delete(url("manifests/stray")).status_code == 202
    assert client.delete(url(f"manifests/{store.bad}")).status_code == 202
    assert client.get(url("tags/list")).get_json()["tags"] == ["good"]
