"""oras: artifacts, what is attached to them, and recursive copies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import images
from tests.servers import RegistryServer
from tests.tools import Tool

HTTP = "--plain-http"
COPY_HTTP = ("--from-plain-http", "--to-plain-http")
REPORT = images.noise("report", 70_000)


@pytest.fixture
def oras(tmp_path: Path) -> Tool:
    return Tool("oras", tmp_path / "home")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "files"
    directory.mkdir()
    (directory / "report.bin").write_bytes(REPORT)
    (directory / "note.txt").write_text("note")
    (directory / "signature").write_text("signature")
    return directory


def digest(oras: Tool, name: str) -> str:
    return oras("resolve", HTTP, name)


def referrers(oras: Tool, name: str, *options: str) -> dict[str, str]:
    """Give artifact type → digest of what is attached directly to an artifact."""
    found = json.loads(oras("discover", HTTP, "--format", "json", "--depth", "1", *options, name))
    return {entry["artifactType"]: entry["digest"] for entry in found["referrers"] or []}


def test_push_and_pull(oras: Tool, registry: RegistryServer, files: Path, tmp_path: Path) -> None:
    name = f"{registry.address}/oras/push:v1"
    oras(
        *("push", HTTP, "--artifact-type", "application/vnd.test.report"),
        *("--annotation", "org.opencontainers.image.title=A report", name),
        *("report.bin:application/octet-stream", "note.txt:text/plain"),
        cwd=files,
    )
    oras("pull", HTTP, "--output", tmp_path / "pulled", name)

    assert (tmp_path / "pulled/report.bin").read_bytes() == REPORT
    assert (tmp_path / "pulled/note.txt").read_text() == "note"
    manifest = json.loads(oras("manifest", "fetch", HTTP, name))
    assert manifest["artifactType"] == "application/vnd.test.report"
    assert manifest["annotations"]["org.opencontainers.image.title"] == "A report"


def test_attach_discover_and_copy(
    oras: Tool, registry: RegistryServer, files: Path, tmp_path: Path
) -> None:
    source, target = (f"{registry.address}/oras/{part}:v1" for part in ("source", "target"))
    oras("push", HTTP, source, "report.bin", cwd=files)
    oras("attach", HTTP, "--artifact-type", "test/note", source, "note.txt", cwd=files)
    note = referrers(oras, source)["test/note"]
    of_note = f"{registry.address}/oras/source@{note}"
    oras("attach", HTTP, "--artifact-type", "test/signature", of_note, "signature", cwd=files)
    oras("attach", HTTP, "--artifact-type", "test/signature", source, "signature", cwd=files)

    assert set(referrers(oras, source)) == {"test/note", "test/signature"}
    assert referrers(oras, source, "--artifact-type", "test/note") == {"test/note": note}

    oras("cp", "--recursive", *COPY_HTTP, source, target)

    assert digest(oras, target) == digest(oras, source)
    assert referrers(oras, target) == referrers(oras, source)
    copied_note = f"{registry.address}/oras/target@{note}"
    assert referrers(oras, copied_note) == referrers(oras, of_note)
    oras("pull", HTTP, "--output", tmp_path / "pulled", copied_note)
    assert (tmp_path / "pulled/note.txt").read_text() == "note"


def test_deleted_referrer_is_not_discovered(
    oras: Tool, registry: RegistryServer, files: Path
) -> None:
    name = f"{registry.address}/oras/detach:v1"
    oras("push", HTTP, name, "report.bin", cwd=files)
    for kind in ("test/note", "test/signature"):
        oras("attach", HTTP, "--artifact-type", kind, name, "note.txt", cwd=files)
    note = referrers(oras, name)["test/note"]

    oras("manifest", "delete", HTTP, "--force", f"{registry.address}/oras/detach@{note}")

    assert set(referrers(oras, name)) == {"test/signature"}


def test_tags_and_repositories(oras: Tool, registry: RegistryServer, files: Path) -> None:
    name = f"{registry.address}/oras/tags"
    oras("push", HTTP, f"{name}:v1,v2,latest", "note.txt", cwd=files)
    oras("tag", HTTP, f"{name}:v1", "v3")

    assert oras("repo", "tags", HTTP, name).splitlines() == ["latest", "v1", "v2", "v3"]
    assert oras("repo", "tags", HTTP, "--last", "v1", name).splitlines() == ["v2", "v3"]
    repositories = oras("repo", "ls", HTTP, f"{registry.address}/oras/").splitlines()
    assert "tags" in repositories


def test_blob(oras: Tool, registry: RegistryServer, files: Path) -> None:
    name = f"{registry.address}/oras/blob"
    oras("blob", "push", HTTP, name, "report.bin", cwd=files)
    blob = f"{name}@{images.digest_of(REPORT)}"

    assert oras.output("blob", "fetch", HTTP, "--output", "-", blob) == REPORT
    oras("blob", "delete", HTTP, "--force", blob)
    assert b"not found" in oras.run("blob", "fetch", HTTP, "--descriptor", blob).stderr


def test_copy_to_and_from_a_layout(oras: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    layout = images.Layout(tmp_path / "layout")
    index = images.multi_platform(layout, "oras")
    layout.tag("v1", index)
    name = f"{registry.address}/oras/layout:v1"
    oras("cp", "--from-oci-layout", "--to-plain-http", f"{layout.path}:v1", name)
    oras("cp", "--from-plain-http", "--to-oci-layout", name, f"{tmp_path}/pulled:v1")

    assert digest(oras, name) == index["digest"]
    assert images.checked_blobs(tmp_path / "pulled") == images.checked_blobs(layout.path)
