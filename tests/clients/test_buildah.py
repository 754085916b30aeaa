"""buildah: images made step by step and from a Containerfile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import images
from tests.clients.containers import storage_of
from tests.servers import RegistryServer
from tests.tools import Tool

HTTP = "--tls-verify=false"


@pytest.fixture
def buildah(tmp_path: Path) -> Tool:
    return Tool("buildah", tmp_path / "home", storage_of(tmp_path))


def files_in(buildah: Tool, name: str) -> dict[str, bytes]:
    """Give the files of a container that was made of the image."""
    root = Path(buildah("mount", buildah("from", "--pull-never", name)))
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("image_format", ["oci", "docker"])
def test_commit_push_pull(
    buildah: Tool, registry: RegistryServer, tmp_path: Path, image_format: str
) -> None:
    name = f"{registry.address}/buildah/{image_format}:v1"
    (tmp_path / "program").write_bytes(images.noise("buildah", 50_000))
    container = buildah("from", "scratch")
    buildah("copy", container, tmp_path / "program", "/program")
    buildah("config", "--label", "made-by=buildah", container)
    buildah("commit", "--format", image_format, container, name)
    made = buildah("images", "--quiet", "--no-trunc", name)
    buildah("push", HTTP, name)
    buildah("rm", container)
    buildah("rmi", name)

    buildah("pull", HTTP, name)

    assert buildah("images", "--quiet", "--no-trunc", name) == made
    assert files_in(buildah, name) == {"program": images.noise("buildah", 50_000)}
    inspected = json.loads(buildah("inspect", "--type", "image", name))
    assert inspected["OCIv1"]["config"]["Labels"]["made-by"] == "buildah"


def test_build_on_an_image_of_the_registry(
    buildah: Tool, registry: RegistryServer, tmp_path: Path
) -> None:
    base, name = f"{registry.address}/buildah/base", f"{registry.address}/buildah/built"
    context = tmp_path / "context"
    context.mkdir()
    (context / "below").write_bytes(b"below")
    (context / "above").write_bytes(b"above")
    (context / "Base").write_text("FROM scratch\nCOPY below /below\n")
    (context / "Built").write_text(f"FROM {base}\nCOPY above /above\n")
    buildah("build", "--file", "Base", "--tag", base, ".", cwd=context)
    buildah("push", HTTP, base)
    buildah("rmi", base)

    buildah("build", HTTP, "--layers", "--file", "Built", "--tag", name, ".", cwd=context)
    buildah("push", HTTP, name)
    buildah("rmi", "--all", "--force")
    buildah("pull", HTTP, name)

    assert files_in(buildah, name) == {"below": b"below", "above": b"above"}
