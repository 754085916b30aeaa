"""skopeo: copies in both formats, sync, inspection, deletion."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import images
from tests.servers import RegistryServer
from tests.tools import Tool

PUSH = "--dest-tls-verify=false"
PULL = "--src-tls-verify=false"
HTTP = "--tls-verify=false"
ALL = ("copy", "--multi-arch", "all")
LAYERS = [{"a": images.noise("a", 100_000)}, {"b": b"b" * 1000}, {}]


@pytest.fixture
def skopeo(tmp_path: Path) -> Tool:
    return Tool("skopeo", tmp_path / "home")


@pytest.fixture
def layout(tmp_path: Path) -> images.Layout:
    """Give an OCI layout: ``v1`` is an image of three layers, ``all`` an index."""
    layout = images.Layout(tmp_path / "layout")
    layout.tag("v1", layout.add_image([images.tar_of(files) for files in LAYERS]))
    layout.tag("all", images.multi_platform(layout, "skopeo"))
    return layout


def test_oci_image(
    skopeo: Tool, registry: RegistryServer, layout: images.Layout, tmp_path: Path
) -> None:
    name = f"docker://{registry.address}/skopeo/oci:v1"
    skopeo("copy", PUSH, f"oci:{layout.path}:v1", name)
    skopeo("copy", PULL, name, f"oci:{tmp_path}/pulled:v1")

    pushed = layout.tagged[0]["digest"]
    manifest = layout.read_json(pushed)
    layers = [layer["digest"] for layer in manifest["layers"]]
    inspected = json.loads(skopeo("inspect", HTTP, name))
    assert (inspected["Digest"], inspected["Layers"]) == (pushed, layers)
    assert images.checked_blobs(tmp_path / "pulled") == {
        pushed,
        manifest["config"]["digest"],
        *layers,
    }


def test_docker_image(
    skopeo: Tool, registry: RegistryServer, layout: images.Layout, tmp_path: Path
) -> None:
    name = f"docker://{registry.address}/skopeo/docker"
    skopeo("copy", PUSH, "--format", "v2s2", f"oci:{layout.path}:v1", f"{name}:v1")
    skopeo("copy", PULL, f"{name}:v1", f"dir:{tmp_path}/pulled")
    skopeo("copy", PUSH, f"dir:{tmp_path}/pulled", f"{name}:again")

    pulled = (tmp_path / "pulled/manifest.json").read_bytes()
    assert json.loads(pulled)["mediaType"] == images.DOCKER_MANIFEST
    assert images.files_of_image(tmp_path / "pulled") == LAYERS
    again = json.loads(skopeo("inspect", HTTP, f"{name}:again"))
    assert again["Digest"] == images.digest_of(pulled)


def test_all_platforms(
    skopeo: Tool, registry: RegistryServer, layout: images.Layout, tmp_path: Path
) -> None:
    name = f"docker://{registry.address}/skopeo/all:v1"
    skopeo(*ALL, PUSH, "--preserve-digests", f"oci:{layout.path}:all", name)
    skopeo(*ALL, PULL, "--preserve-digests", name, f"oci:{tmp_path}/pulled:all")

    pushed = layout.tagged[1]["digest"]
    assert images.digest_of(skopeo.output("inspect", HTTP, "--raw", name)) == pushed
    manifests = {entry["digest"] for entry in layout.read_json(pushed)["manifests"]}
    assert {pushed, *manifests} < images.checked_blobs(tmp_path / "pulled")


def test_all_platforms_as_a_docker_manifest_list(
    skopeo: Tool, registry: RegistryServer, layout: images.Layout, tmp_path: Path
) -> None:
    name = f"docker://{registry.address}/skopeo/list:v1"
    skopeo(*ALL, PUSH, "--format", "v2s2", f"oci:{layout.path}:all", name)
    skopeo("--override-arch", "arm64", "copy", PULL, name, f"dir:{tmp_path}/arm64")

    pushed = json.loads(skopeo("inspect", HTTP, "--raw", name))
    assert pushed["mediaType"] == images.DOCKER_LIST
    assert {entry["mediaType"] for entry in pushed["manifests"]} == {images.DOCKER_MANIFEST}
    files = {"skopeo-arm64": images.noise("arm64", 5000)}
    assert images.files_of_image(tmp_path / "arm64") == [files]


def test_tags_and_deletion(skopeo: Tool, registry: RegistryServer, layout: images.Layout) -> None:
    name = f"docker://{registry.address}/skopeo/tags"
    for tag, source in {"one": "v1", "same": "v1", "other": "all"}.items():
        skopeo(*ALL, PUSH, "--preserve-digests", f"oci:{layout.path}:{source}", f"{name}:{tag}")
    assert json.loads(skopeo("list-tags", HTTP, name))["Tags"] == ["one", "other", "same"]

    skopeo("delete", HTTP, f"{name}:one")  # skopeo deletes the manifest, and so both its tags.

    assert json.loads(skopeo("list-tags", HTTP, name))["Tags"] == ["other"]
    gone = skopeo.run("inspect", HTTP, f"{name}:same")
    assert gone.returncode != 0
    assert b"manifest unknown" in gone.stderr


def test_sync(
    skopeo: Tool, registry: RegistryServer, layout: images.Layout, tmp_path: Path
) -> None:
    name = f"{registry.address}/skopeo/sync"
    for tag in ("v1", "v2"):
        skopeo("copy", PUSH, f"oci:{layout.path}:v1", f"docker://{name}:{tag}")

    from_registry = ("sync", "--src", "docker", PULL)
    skopeo(*from_registry, "--dest", "dir", name, tmp_path / "synced")
    skopeo(*from_registry, "--dest", "docker", PUSH, name, f"{registry.address}/copies")

    for tag in ("v1", "v2"):
        assert images.files_of_image(tmp_path / f"synced/sync:{tag}") == LAYERS
        copy = f"docker://{registry.address}/copies/sync:{tag}"
        copied = json.loads(skopeo("inspect", HTTP, copy))
        assert copied["Digest"] == layout.tagged[0]["digest"]
