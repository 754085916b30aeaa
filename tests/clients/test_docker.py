"""The Docker engine: build, push, remove, pull, search."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests import images
from tests.clients.engine import build_image, files_in, image_id, import_image
from tests.servers import RegistryServer
from tests.tools import Tool

FILES = {"etc/os-release": b"NAME=ubuntu\n", "bin/noise": images.noise("ubuntu", 3 * images.MIB)}
GIB = 1024 * images.MIB


@pytest.mark.parametrize(
    ("make", "repository"), [(import_image, "my-ubuntu"), (build_image, "built-ubuntu")]
)
def test_push_remove_pull_search(
    docker: Tool,
    registry: RegistryServer,
    make: Callable[[Tool, str, dict[str, bytes]], None],
    repository: str,
) -> None:
    name = f"{registry.address}/{repository}"
    make(docker, "ubuntu", FILES)
    made = image_id(docker, "ubuntu")
    docker("tag", "ubuntu", name)
    docker("push", name)
    docker("image", "remove", "ubuntu", name)
    assert made not in docker("image", "ls", "--all", "--quiet", "--no-trunc").split()

    docker("pull", name)

    assert image_id(docker, name) == made
    assert files_in(docker, name) == FILES
    found = docker("search", "--no-trunc", f"{registry.address}/ubuntu")
    assert repository in [line.split()[0].split("/")[-1] for line in found.splitlines()[1:]]
    docker("image", "remove", name)


def test_many_layers(docker: Tool, registry: RegistryServer) -> None:
    name = f"{registry.address}/many-layers"
    files = {f"layer-{number}": images.noise(str(number), 10_000) for number in range(40)}
    build_image(docker, name, files)
    made = image_id(docker, name)
    docker("push", name)
    docker("image", "remove", name)

    docker("pull", name)

    assert image_id(docker, name) == made
    assert files_in(docker, name) == files


def test_empty_layer(docker: Tool, registry: RegistryServer) -> None:
    name = f"{registry.address}/empty-layer"
    import_image(docker, name, {})
    made = image_id(docker, name)
    docker("push", name)
    docker("image", "remove", name)

    docker("pull", name)

    assert image_id(docker, name) == made
    assert files_in(docker, name) == {}


def test_layer_of_one_gib(docker: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    name = f"{registry.address}/large"
    archive = tmp_path / "large.tar"
    images.write_large_tar(archive, GIB)
    docker("import", archive, name)
    archive.unlink()
    made = image_id(docker, name)
    docker("push", name)
    [layer] = manifest(registry, "large")["layers"]
    assert layer["size"] > GIB
    docker("image", "remove", name)

    docker("pull", name)  # The engine checks the digests of the transfer and of the tar archive.

    assert image_id(docker, name) == made
    docker("image", "remove", name)


def manifest(registry: RegistryServer, name: str) -> dict[str, list[dict[str, int]]]:
    """Give the manifest that the engine pushed."""
    answer = requests.get(
        f"{registry.url}/v2/{name}/manifests/latest",
        headers={"Accept": images.DOCKER_MANIFEST},
        timeout=10,
    )
    assert answer.headers["Content-Type"] == images.DOCKER_MANIFEST
    return answer.json()


def test_push_again_transfers_nothing(docker: Tool, registry: RegistryServer) -> None:
    name = f"{registry.address}/twice"
    import_image(docker, name, {"twice": images.noise("twice", 1000)})
    first = docker("push", name)
    again = docker("push", name)

    assert "Pushed" in first
    assert "Layer already exists" in again
    assert first.splitlines()[-1] == again.splitlines()[-1]  # tag, digest and size


def test_push_to_another_repository_mounts(docker: Tool, registry: RegistryServer) -> None:
    first, second = f"{registry.address}/mount/first", f"{registry.address}/mount/second"
    import_image(docker, first, {"mount": images.noise("mount", 1000)})
    docker("push", first)
    docker("tag", first, second)

    pushed = docker("push", second)

    assert "Mounted from mount/first" in pushed
    docker("image", "remove", first, second)
    docker("pull", second)
    assert files_in(docker, second) == {"mount": images.noise("mount", 1000)}


def test_pull_by_digest(docker: Tool, registry: RegistryServer) -> None:
    name = f"{registry.address}/by-digest"
    import_image(docker, f"{name}:old", {"version": b"old"})
    docker("push", f"{name}:old")
    old = docker("image", "inspect", "--format", "{{index .RepoDigests 0}}", f"{name}:old")
    import_image(docker, f"{name}:new", {"version": b"new"})
    docker("tag", f"{name}:new", f"{name}:old")
    docker("push", "--all-tags", name)
    docker("image", "remove", f"{name}:old", f"{name}:new")

    docker("pull", old)
    docker("pull", "--all-tags", name)

    assert files_in(docker, old) == {"version": b"old"}
    assert files_in(docker, f"{name}:old") == {"version": b"new"}


def test_manifest_list(docker: Tool, registry: RegistryServer) -> None:
    name = f"{registry.address}/list"
    for architecture in ("amd64", "arm64"):
        import_image(docker, f"{name}:{architecture}", {"architecture": architecture.encode()})
        docker("push", f"{name}:{architecture}")
    docker("manifest", "create", "--insecure", name, f"{name}:amd64", f"{name}:arm64")
    docker("manifest", "annotate", "--arch", "arm64", name, f"{name}:arm64")
    docker("manifest", "push", "--purge", "--insecure", name)
    docker("image", "remove", f"{name}:amd64", f"{name}:arm64")

    listed = json.loads(docker("manifest", "inspect", "--insecure", name))
    docker("pull", "--platform", "linux/arm64", name)

    assert listed["mediaType"] == images.DOCKER_LIST
    assert [entry["platform"]["architecture"] for entry in listed["manifests"]] == [
        "amd64",
        "arm64",
    ]
    assert files_in(docker, name) == {"architecture": b"arm64"}


def test_pull_of_an_oci_index(docker: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    layout = images.Layout(tmp_path / "layout")
    layout.tag("v1", images.multi_platform(layout, "docker"))
    name = f"{registry.address}/oci-index:v1"
    Tool("skopeo", tmp_path / "home")(
        *("copy", "--all", "--dest-tls-verify=false", f"oci:{layout.path}:v1", f"docker://{name}")
    )

    docker("pull", "--platform", "linux/s390x", name)

    assert docker("image", "inspect", "--format", "{{.Architecture}}", name) == "s390x"
    assert files_in(docker, name) == {"docker-s390x": images.noise("s390x", 5000)}
