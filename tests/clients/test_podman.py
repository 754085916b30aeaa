"""podman: build, push, remove, pull, search, in both image formats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from tests import images
from tests.clients.containers import storage_of
from tests.servers import RegistryServer
from tests.tools import Tool

HTTP = "--tls-verify=false"
FILES = {"bin/noise": images.noise("podman", 200_000), "etc/name": b"podman"}


@pytest.fixture
def podman(tmp_path: Path) -> Tool:
    return Tool("podman", tmp_path / "home", storage_of(tmp_path))


def files_in(podman: Tool, name: str) -> dict[str, bytes]:
    """Give the files of a container that was made of the image."""
    container = podman("create", "--network", "none", name, "/bin/true")
    return images.files_of(podman.output("export", container))


@pytest.mark.parametrize(
    ("image_format", "media_type"),
    [("oci", images.MANIFEST), ("v2s2", images.DOCKER_MANIFEST)],
)
def test_push_remove_pull(
    podman: Tool, registry: RegistryServer, image_format: str, media_type: str
) -> None:
    name = f"{registry.address}/podman/{image_format}:v1"
    podman("import", "-", name, stdin=images.tar_of(FILES))
    podman("push", HTTP, "--format", image_format, name)
    podman("image", "rm", name)
    assert not podman("image", "ls", "--quiet")

    podman("pull", HTTP, name)

    assert files_in(podman, name) == FILES
    manifest = requests.get(
        f"{registry.url}/v2/podman/{image_format}/manifests/v1",
        headers={"Accept": media_type},
        timeout=10,
    )
    assert manifest.headers["Content-Type"] == media_type
    [digest] = json.loads(podman("image", "inspect", "--format", "{{json .RepoDigests}}", name))
    assert digest.endswith(images.digest_of(manifest.content))


def test_pull_for_another_platform(podman: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    layout = images.Layout(tmp_path / "layout")
    layout.tag("v1", images.multi_platform(layout, "podman"))
    name = f"{registry.address}/podman/index:v1"
    Tool("skopeo", tmp_path / "home")(
        *("copy", "--all", "--dest-tls-verify=false", f"oci:{layout.path}:v1", f"docker://{name}")
    )

    podman("pull", HTTP, "--arch", "arm64", name)

    assert podman("image", "inspect", "--format", "{{.Architecture}}", name) == "arm64"
    [digest] = json.loads(podman("image", "inspect", "--format", "{{json .RepoDigests}}", name))[:1]
    assert digest.split("@")[0] == f"{registry.address}/podman/index"


def test_manifest_list(podman: Tool, registry: RegistryServer) -> None:
    name = f"{registry.address}/podman/list:v1"
    podman("import", "--arch", "amd64", "-", "localhost/part:v1", stdin=images.tar_of(FILES))
    podman("manifest", "create", "localhost/list", "containers-storage:localhost/part:v1")
    podman("manifest", "push", HTTP, "--all", "localhost/list", f"docker://{name}")

    podman("rmi", "--all", "--force")

    pushed = requests.get(
        f"{registry.url}/v2/podman/list/manifests/v1",
        headers={"Accept": f"{images.INDEX}, {images.DOCKER_LIST}"},
        timeout=10,
    ).json()
    assert [entry["platform"]["architecture"] for entry in pushed["manifests"]] == ["amd64"]
    podman("pull", HTTP, name)
    assert files_in(podman, name) == FILES


def test_search(podman: Tool, registry: RegistryServer) -> None:
    for repository in ("podman/my-ubuntu", "podman/other"):
        name = f"{registry.address}/{repository}"
        podman("import", "-", name, stdin=images.tar_of({"name": repository.encode()}))
        podman("push", HTTP, name)

    found = podman("search", HTTP, "--format", "{{.Name}}", f"{registry.address}/ubuntu")

    assert found.splitlines() == [f"{registry.address}/podman/my-ubuntu"]
    tags = podman("search", HTTP, "--list-tags", f"{registry.address}/podman/my-ubuntu")
    assert [line.split()[1] for line in tags.splitlines()[1:]] == ["latest"]
