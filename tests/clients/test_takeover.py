"""We take over in place what CNCF Distribution stored, on every backend; and it takes it back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests import images
from tests.clients import stores
from tests.servers import DistributionServer, RegistryServer, Server
from tests.tools import Tool, require_tool

#: A console script of ours has the same name as Debian's program.
REGISTRY_2, REGISTRY_3 = "/usr/bin/docker-registry", "registry"

CASES = {
    "2-files": (REGISTRY_2, stores.files),
    "2-ceph-s3": (REGISTRY_2, stores.ceph_s3),
    "2-s3": (REGISTRY_2, stores.aws_s3),
    "2-swift": (REGISTRY_2, stores.swift),
    "3-files": (REGISTRY_3, stores.files),
    "3-ceph-s3": (REGISTRY_3, stores.ceph_s3),
    "3-azure": (REGISTRY_3, stores.azure),
    "3-gcs": (REGISTRY_3, stores.gcs),
}

#: Object stores keep a layer of this size, in bytes, in several parts or segments.
LARGE = 22 * images.MIB
SIGNATURE = "application/vnd.test.signature"
PUSH = ("copy", "--dest-tls-verify=false", "--multi-arch", "all")


@dataclass
class Content:
    """What Distribution is given: ``image`` is of several layers, ``index`` of many platforms."""

    layout: images.Layout
    image: str
    index: str


@dataclass
class Site:
    """One store, a Distribution and a registry of ours over it, none of them started yet."""

    theirs: DistributionServer
    ours: RegistryServer
    content: Content


@pytest.fixture
def crane(tmp_path: Path) -> Tool:
    return Tool("crane", tmp_path / "home")


@pytest.fixture
def skopeo(tmp_path: Path) -> Tool:
    return Tool("skopeo", tmp_path / "home")


@pytest.fixture
def oras(tmp_path: Path) -> Tool:
    return Tool("oras", tmp_path / "home")


@pytest.fixture(params=CASES)
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    program, make_store = CASES[request.param]
    path = require_tool(program)
    with make_store(tmp_path) as store:
        yield Site(
            DistributionServer(tmp_path / "theirs", path, store.theirs, store.variables),
            RegistryServer(tmp_path / "ours", store.ours),
            make_content(tmp_path),
        )


def make_content(directory: Path) -> Content:
    files = {"large": images.noise("takeover", LARGE), "small": b"small"}
    layout = images.Layout(directory / "layout")
    image = layout.add_image([images.tar_of({name: data}) for name, data in files.items()])
    index = images.multi_platform(layout, "takeover")
    layout.tag("image", image)
    layout.tag("index", index)
    return Content(layout, image["digest"], index["digest"])


def push_all(skopeo: Tool, oras: Tool, server: Server, content: Content) -> None:
    """Push an image in both formats, an index, and a signature of the image.

    Where there is no API for referrers, oras keeps an index under a fallback tag.
    """
    name = f"docker://{server.address}/app"
    layout = f"oci:{content.layout.path}"
    skopeo(*PUSH, "--preserve-digests", f"{layout}:image", f"{name}:oci")
    skopeo(*PUSH, "--format", "v2s2", f"{layout}:image", f"{name}:docker")
    skopeo(*PUSH, "--preserve-digests", f"{layout}:index", f"{name}/nested:index")
    sign(oras, server, content.image)


def sign(oras: Tool, server: Server, digest: str, text: str = "signed") -> None:
    (oras.home / "signature").write_text(text)
    subject = f"{server.address}/app@{digest}"
    oras("attach", "--plain-http", "--artifact-type", SIGNATURE, subject, "signature:text/plain")


def upload_half(server: Server, repository: str) -> None:
    """Leave an upload behind that is not finished."""
    started = requests.post(f"{server.url}/v2/{repository}/blobs/uploads/", timeout=30)
    location = requests.compat.urljoin(server.url, started.headers["Location"])
    assert requests.patch(location, data=b"half", timeout=30).status_code == 202


def check_all(crane: Tool, server: Server, content: Content) -> None:
    """Check that a server lists and gives all that ``push_all`` has pushed, to the last byte."""
    name = f"{server.address}/app"
    assert {"app", "app/nested"} <= set(crane("catalog", server.address).split())
    assert {"docker", "oci"} <= set(crane("ls", name).split())
    assert crane("digest", f"{name}:oci") == content.image
    for reference in (":docker", f"/nested@{content.index}"):
        crane("validate", "--remote", f"{name}{reference}")


def signatures(server: Server, digest: str) -> list[dict[str, str]]:
    """Give the referrers of a manifest in the first repository."""
    url = f"{server.url}/v2/app/referrers/{digest}?artifactType={SIGNATURE}"
    answer = requests.get(url, timeout=30)
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    found: list[dict[str, str]] = answer.json()["manifests"]
    return found


def adopt(server: RegistryServer, *arguments: str) -> list[str]:
    """Run ``docker-registry adopt`` with a server's settings, and give what it prints."""
    done = subprocess.run(
        [Path(sys.executable).with_name("docker-registry"), "adopt", *arguments],
        env=server.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_taken_over_and_given_back(site: Site, crane: Tool, skopeo: Tool, oras: Tool) -> None:
    theirs, ours, content = site.theirs, site.ours, site.content
    fallback = content.image.replace(":", "-")
    with theirs:
        push_all(skopeo, oras, theirs, content)
        crane("append", "-f", small_layer(content), "-t", f"{theirs.address}/app:gone")
        gone = crane("digest", f"{theirs.address}/app:gone")
        upload_half(theirs, "app")
        assert fallback in crane("ls", f"{theirs.address}/app").split()

    checked = adopt(ours, "--check", "--verify")
    assert checked[-2:] == ["leftovers: 1", "problems: 0"], checked
    assert "_uploads/" in checked[0]
    assert "repositories: 2" in checked
    adopted = adopt(ours)
    assert adopted[1:] == ["1 referrers noted", "2 repositories are indexed"]
    assert adopted[0].endswith(f" refers to {content.image}")

    with ours:
        check_all(crane, ours, content)
        [signature] = signatures(ours, content.image)
        assert signature["artifactType"] == SIGNATURE
        crane("delete", f"{ours.address}/app@{gone}")
        crane("tag", f"{ours.address}/app:oci", "moved")
        # Its blobs are in the store already, but not in this repository.
        skopeo(*PUSH, f"oci:{content.layout.path}:image", f"docker://{ours.address}/new:v1")
        crane("append", "-f", small_layer(content), "-t", f"{ours.address}/new:own")
        sign(oras, ours, content.image, "signed once more")
        assert len(signatures(ours, content.image)) == 2
    assert adopt(ours, "--check")[-1] == "problems: 0"

    with theirs:
        check_all(crane, theirs, content)
        assert "new" in crane("catalog", theirs.address).split()
        tags = crane("ls", f"{theirs.address}/app").split()
        assert sorted(tags) == ["docker", "moved", "oci", fallback]
        assert crane.run("digest", f"{theirs.address}/app@{gone}").returncode != 0
        assert crane("digest", f"{theirs.address}/app:moved") == content.image
        for reference in ("new:v1", "new:own"):
            crane("validate", "--remote", f"{theirs.address}/{reference}")
        crane("append", "-f", small_layer(content), "-t", f"{theirs.address}/app:oci")


def small_layer(content: Content) -> Path:
    """Write a layer that no other image has."""
    tar = content.layout.path / "layer.tar"
    tar.write_bytes(images.tar_of({"own": b"own"}))
    return tar
