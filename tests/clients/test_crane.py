"""crane: append, mutate, copy, list, delete; indexes and foreign layers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from tests import images
from tests.servers import RegistryServer
from tests.tools import Tool


@pytest.fixture
def crane(tmp_path: Path) -> Tool:
    return Tool("crane", tmp_path / "home")


def append(crane: Tool, directory: Path, name: str, files: dict[str, bytes], *base: str) -> None:
    """Push an image with these files, on top of a base image if one is named."""
    tar = directory / "layer.tar"
    tar.write_bytes(images.tar_of(files))
    crane("append", "--new_layer", tar, "--new_tag", name, *base)


def files_in(crane: Tool, name: str) -> dict[str, bytes]:
    return images.files_of(crane.output("export", name, "-"))


def test_append_and_mutate(crane: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    name = f"{registry.address}/crane/append"
    append(crane, tmp_path, f"{name}:base", {"a": images.noise("a", 100_000)})
    append(crane, tmp_path, f"{name}:v1", {"b": b"b"}, "--base", f"{name}:base")
    crane("mutate", "--label", "made-by=crane", "--tag", f"{name}:v2", f"{name}:v1")

    assert files_in(crane, f"{name}:v2") == {"a": images.noise("a", 100_000), "b": b"b"}
    config = json.loads(crane("config", f"{name}:v2"))
    assert config["config"]["Labels"] == {"made-by": "crane"}
    assert crane("ls", name).splitlines() == ["base", "v1", "v2"]
    manifest = crane.output("manifest", f"{name}:v2")
    assert crane("digest", f"{name}:v2") == images.digest_of(manifest)


def test_copy_of_an_index(crane: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    layout = images.Layout(tmp_path / "layout")
    index = images.multi_platform(layout, "crane")
    layout.tag("v1", index)
    source, target = (f"{registry.address}/crane/{part}:v1" for part in ("source", "target"))
    crane("push", "--index", layout.path, source)
    pushed = crane("digest", source)
    # crane pushes the index.json of a layout, whose only entry is our index.
    [entry] = json.loads(crane("manifest", source))["manifests"]
    assert entry["digest"] == index["digest"]

    crane("copy", source, target)
    crane("validate", "--remote", target)  # Pulls everything and checks every digest.
    crane("pull", "--format", "oci", target, tmp_path / "pulled")

    assert crane("digest", target) == pushed
    wanted = {f"sha256:{blob.name}" for blob in (layout.path / "blobs/sha256").iterdir()}
    assert wanted <= images.checked_blobs(tmp_path / "pulled")


def test_index_append(crane: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    name = f"{registry.address}/crane/index"
    for architecture in ("amd64", "arm64"):
        append(crane, tmp_path, f"{name}:{architecture}", {"for": architecture.encode()})
        crane(
            *("mutate", "--set-platform", f"linux/{architecture}"),
            *("--tag", f"{name}:{architecture}", f"{name}:{architecture}"),
        )
    parts = ("--manifest", f"{name}:amd64", "--manifest", f"{name}:arm64")
    crane("index", "append", *parts, "--tag", f"{name}:all")

    for architecture in ("amd64", "arm64"):
        for_platform = crane("digest", "--platform", f"linux/{architecture}", f"{name}:all")
        assert for_platform == crane("digest", f"{name}:{architecture}")


def test_foreign_layer(crane: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    foreign = {
        "mediaType": images.FOREIGN_LAYER,
        "digest": images.digest_of(b"elsewhere"),
        "size": 9,
        "urls": ["https://layers.example/elsewhere"],
    }
    layout = images.Layout(tmp_path / "layout")
    image = layout.add_image([images.tar_of({"a": b"a"})], foreign=[foreign])
    layout.tag("v1", image)
    source, target = (f"{registry.address}/crane/{part}:v1" for part in ("foreign", "foreign2"))
    crane("push", layout.path, source)
    crane("copy", source, target)

    assert crane("digest", target) == image["digest"]
    assert json.loads(crane("manifest", target))["layers"][-1] == foreign
    blob = requests.head(f"{registry.url}/v2/crane/foreign/blobs/{foreign['digest']}", timeout=10)
    assert blob.status_code == 404


def test_catalog_in_byte_order(crane: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    names = ["crane/z", "crane/z-1", "crane/z.b", "crane/z/c", "crane/z0", "crane/z_d"]
    for name in reversed(names):
        append(crane, tmp_path, f"{registry.address}/{name}", {"name": name.encode()})

    listed = crane("catalog", registry.address).splitlines()

    assert [name for name in listed if name.startswith("crane/z")] == names


def test_delete(crane: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    name = f"{registry.address}/crane/delete"
    append(crane, tmp_path, f"{name}:v1", {"a": b"a"})
    crane("tag", f"{name}:v1", "same")
    append(crane, tmp_path, f"{name}:v2", {"b": b"b"})

    crane("delete", f"{name}:v1")  # Deletes the tag alone.
    assert crane("ls", name).splitlines() == ["same", "v2"]
    crane("delete", f"{name}@{crane('digest', f'{name}:same')}")

    assert crane("ls", name).splitlines() == ["v2"]
    assert files_in(crane, f"{name}:v2") == {"b": b"b"}
    assert b"MANIFEST_UNKNOWN" in crane.run("manifest", f"{name}:same").stderr
