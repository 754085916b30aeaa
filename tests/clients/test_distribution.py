"""One store, two servers: Distribution 2.8 takes over what we wrote, and we what it wrote."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import requests

from tests import images
from tests.servers import DistributionServer, RegistryServer, Server
from tests.tools import Tool, require_tool

REPOSITORIES = ["both", "both-2", "both/nested"]
FILES = {"a": images.noise("distribution", 200_000), "b": b"b"}


@pytest.fixture
def crane(tmp_path: Path) -> Tool:
    return Tool("crane", tmp_path / "home")


@pytest.fixture
def skopeo(tmp_path: Path) -> Tool:
    return Tool("skopeo", tmp_path / "home")


@pytest.fixture
def ours(tmp_path: Path) -> RegistryServer:
    """Give our registry, not yet started; without an index, which would not know the other's."""
    store = tmp_path / "store"
    store.mkdir()
    return RegistryServer(tmp_path / "ours", {"STORAGE_PATH": str(store), "SEARCH_BACKEND": "none"})


@pytest.fixture
def theirs(tmp_path: Path, ours: RegistryServer) -> DistributionServer:
    """Give Distribution, not yet started, with the same store."""
    # A console script of ours has the same name.
    program = require_tool("/usr/bin/docker-registry")
    storage = {"filesystem": {"rootdirectory": str(ours.store)}}
    return DistributionServer(tmp_path / "theirs", program, storage)


@pytest.fixture
def layout(tmp_path: Path) -> images.Layout:
    """Give an OCI layout: ``image`` is an image of two layers, ``index`` is for many platforms."""
    layout = images.Layout(tmp_path / "layout")
    tars = [images.tar_of({name: content}) for name, content in FILES.items()]
    layout.tag("image", layout.add_image(tars))
    layout.tag("index", images.multi_platform(layout, "distribution"))
    return layout


def fill(skopeo: Tool, server: Server, layout: images.Layout) -> None:
    """Push into each repository an image in both formats, and an index."""
    push = ("copy", "--dest-tls-verify=false", "--multi-arch", "all")
    for repository in REPOSITORIES:
        name = f"docker://{server.address}/{repository}"
        skopeo(*push, "--preserve-digests", f"oci:{layout.path}:image", f"{name}:oci")
        skopeo(*push, "--format", "v2s2", f"oci:{layout.path}:image", f"{name}:docker")
        skopeo(*push, "--preserve-digests", f"oci:{layout.path}:index", f"{name}:index")


def check(crane: Tool, server: Server, layout: images.Layout) -> None:
    """Check that the server has everything that ``fill`` pushed."""
    image, index = (entry["digest"] for entry in layout.tagged)
    assert set(REPOSITORIES) <= set(crane("catalog", server.address).split())
    for repository in REPOSITORIES:
        name = f"{server.address}/{repository}"
        assert {"docker", "index", "oci"} <= set(crane("ls", name).split())
        assert crane("digest", f"{name}:oci") == image
        assert crane("digest", f"{name}:index") == index
        for reference in (":docker", f"@{image}", f"@{index}"):
            crane("validate", "--remote", f"{name}{reference}")
        assert images.files_of(crane.output("export", f"{name}:docker", "-")) == FILES


def upload_half(server: Server, repository: str) -> None:
    """Leave an upload behind that is not finished."""
    started = requests.post(f"{server.url}/v2/{repository}/blobs/uploads/", timeout=10)
    location = requests.compat.urljoin(server.url, started.headers["Location"])
    assert requests.patch(location, data=b"half", timeout=10).status_code == 202


def test_distribution_serves_our_store(
    crane: Tool,
    skopeo: Tool,
    ours: RegistryServer,
    theirs: DistributionServer,
    layout: images.Layout,
) -> None:
    with ours:
        fill(skopeo, ours, layout)
        upload_half(ours, "both")

    with theirs:
        check(crane, theirs, layout)
        crane("copy", f"{theirs.address}/both:oci", f"{theirs.address}/added:v1")

    with ours:
        check(crane, ours, layout)
        assert crane("digest", f"{ours.address}/added:v1") == layout.tagged[0]["digest"]


def test_we_serve_the_store_of_distribution(
    crane: Tool,
    skopeo: Tool,
    ours: RegistryServer,
    theirs: DistributionServer,
    layout: images.Layout,
) -> None:
    with theirs:
        fill(skopeo, theirs, layout)
        crane("tag", f"{theirs.address}/both:oci", "deleted-tag")
        crane("tag", f"{theirs.address}/both:index", "moved-tag")
        crane("append", "-f", write_layer(layout.path), "-t", f"{theirs.address}/both:deleted")
        upload_half(theirs, "both")

    with ours:
        check(crane, ours, layout)
        deleted = crane("digest", f"{ours.address}/both:deleted")
        crane("delete", f"{ours.address}/both:deleted-tag")
        crane("delete", f"{ours.address}/both@{deleted}")
        crane("tag", f"{ours.address}/both:oci", "moved-tag")
        crane("copy", f"{ours.address}/both:index", f"{ours.address}/added:v1")
        tags = ["docker", "index", "moved-tag", "oci"]
        assert crane("ls", f"{ours.address}/both").split() == tags

    with theirs:
        check(crane, theirs, layout)
        assert sorted(crane("ls", f"{theirs.address}/both").split()) == tags
        assert b"MANIFEST_UNKNOWN" in crane.run("digest", f"{theirs.address}/both@{deleted}").stderr
        assert crane("digest", f"{theirs.address}/both:moved-tag") == layout.tagged[0]["digest"]
        crane("validate", "--remote", f"{theirs.address}/added:v1")


def test_their_garbage_collection_takes_nothing_of_ours(
    crane: Tool,
    skopeo: Tool,
    ours: RegistryServer,
    theirs: DistributionServer,
    layout: images.Layout,
) -> None:
    with ours:
        fill(skopeo, ours, layout)
        crane("append", "-f", write_layer(layout.path), "-t", f"{ours.address}/both:deleted")
        deleted = crane("digest", f"{ours.address}/both:deleted")
        crane("delete", f"{ours.address}/both@{deleted}")
        upload_half(ours, "both")

    collect = [theirs.program, "garbage-collect", theirs.configuration]
    done = subprocess.run(collect, capture_output=True, text=True, check=True)
    assert f"blob eligible for deletion: {deleted}" in done.stdout

    with ours:
        check(crane, ours, layout)


def write_layer(directory: Path) -> Path:
    """Write a layer that no other image has."""
    tar = directory / "layer.tar"
    tar.write_bytes(images.tar_of({"own": b"own"}))
    return tar
