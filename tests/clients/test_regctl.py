"""regctl: image copies, tags, artifacts, chunked blob uploads, repository lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import images
from tests.servers import RegistryServer
from tests.tools import Tool

CHUNK = 512 * 1024


@pytest.fixture
def regctl(tmp_path: Path, registry: RegistryServer) -> Tool:
    regctl = Tool("regctl", tmp_path / "home")
    chunks = ("--blob-chunk", str(CHUNK), "--blob-max", str(CHUNK))
    regctl("registry", "set", "--tls", "disabled", *chunks, registry.address)
    return regctl


def test_image_copy(regctl: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    layout = images.Layout(tmp_path / "layout")
    index = images.multi_platform(layout, "regctl")
    layout.tag("v1", index)
    source, target = (f"{registry.address}/regctl/{part}:v1" for part in ("source", "target"))
    regctl("image", "copy", f"ocidir://{layout.path}:v1", source)
    regctl("image", "copy", source, target)
    regctl("image", "copy", target, f"ocidir://{tmp_path}/pulled:v1")

    assert regctl("image", "digest", target) == index["digest"]
    assert images.checked_blobs(layout.path) <= images.checked_blobs(tmp_path / "pulled")


def test_tags(regctl: Tool, registry: RegistryServer) -> None:
    name = f"{registry.address}/regctl/tags"
    regctl("artifact", "put", "--artifact-type", "test/one", f"{name}:v1", stdin=b"one")
    regctl("image", "copy", f"{name}:v1", f"{name}:same")
    assert regctl("tag", "ls", name).splitlines() == ["same", "v1"]

    regctl("tag", "rm", f"{name}:same")

    assert regctl("tag", "ls", name).splitlines() == ["v1"]
    assert regctl.output("artifact", "get", f"{name}:v1") == b"one"


def test_artifacts_of_a_subject(regctl: Tool, registry: RegistryServer) -> None:
    name = f"{registry.address}/regctl/subject:v1"
    regctl("artifact", "put", "--artifact-type", "test/subject", name, stdin=b"subject")
    for kind in ("test/sbom", "test/signature"):
        regctl(
            *("artifact", "put", "--artifact-type", kind, "--annotation", f"about={kind}"),
            *("--subject", name),
            stdin=kind.encode(),
        )

    listed = json.loads(regctl("artifact", "list", "--format", "{{json .Descriptors}}", name))
    assert {entry["artifactType"]: entry["annotations"]["about"] for entry in listed} == {
        "test/sbom": "test/sbom",
        "test/signature": "test/signature",
    }
    found = ("--subject", name, "--filter-artifact-type", "test/sbom")
    assert regctl.output("artifact", "get", *found) == b"test/sbom"


def test_chunked_blob(regctl: Tool, registry: RegistryServer) -> None:
    name = f"{registry.address}/regctl/blob"
    content = images.noise("regctl", 5 * CHUNK + 1)

    assert regctl("blob", "put", name, stdin=content) == images.digest_of(content)

    assert registry.log.read_text().count("PATCH /v2/regctl/blob/blobs/uploads/") == 6
    assert regctl.output("blob", "get", name, images.digest_of(content)) == content


def test_repositories(regctl: Tool, registry: RegistryServer) -> None:
    for repository in ("regctl/list-b", "regctl/list-a"):
        name = f"{registry.address}/{repository}:v1"
        regctl("artifact", "put", "--artifact-type", "test/list", name, stdin=b"list")

    listed = regctl("repo", "ls", registry.address).splitlines()
    assert [name for name in listed if "list" in name] == ["regctl/list-a", "regctl/list-b"]
