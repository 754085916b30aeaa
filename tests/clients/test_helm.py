"""Helm 3: charts as OCI artifacts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.servers import RegistryServer
from tests.tools import Tool

HTTP = "--plain-http"
METADATA = {
    "apiVersion": "v2",
    "name": "my-chart",
    "description": "A chart to push and pull",
    "version": "1.2.3+build.4",
}
TEMPLATE = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: test\n"


@pytest.fixture
def helm(tmp_path: Path) -> Tool:
    return Tool("helm", tmp_path / "home")


@pytest.fixture
def chart(helm: Tool, tmp_path: Path) -> Path:
    """Give a packaged chart."""
    source = tmp_path / "my-chart"
    (source / "templates").mkdir(parents=True)
    (source / "Chart.yaml").write_text(yaml.safe_dump(METADATA))
    (source / "templates/config.yaml").write_text(TEMPLATE)
    helm("package", source, "--destination", tmp_path)
    return tmp_path / "my-chart-1.2.3+build.4.tgz"


def test_push_show_pull(helm: Tool, registry: RegistryServer, chart: Path, tmp_path: Path) -> None:
    charts = f"oci://{registry.address}/charts"
    name = f"{charts}/my-chart"
    helm("push", HTTP, chart, charts)

    shown = yaml.safe_load(helm("show", "chart", HTTP, name, "--version", METADATA["version"]))
    assert shown == METADATA
    pulled = tmp_path / "pulled"
    pulled.mkdir()
    helm("pull", HTTP, name, "--version", METADATA["version"], "--destination", pulled)
    assert [file.read_bytes() for file in pulled.iterdir()] == [chart.read_bytes()]
    assert TEMPLATE.strip() in helm("template", HTTP, name)


def test_pull_of_the_newest_version(helm: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    charts = f"oci://{registry.address}/versions"
    for version in ("0.9.0", "0.10.0", "0.2.0"):
        source = tmp_path / version
        source.mkdir()
        (source / "Chart.yaml").write_text(yaml.safe_dump({**METADATA, "version": version}))
        helm("package", source, "--destination", tmp_path)
        helm("push", HTTP, tmp_path / f"my-chart-{version}.tgz", charts)

    # Helm lists the tags of the repository and picks by semantic version.
    shown = yaml.safe_load(helm("show", "chart", HTTP, f"{charts}/my-chart"))
    assert shown["version"] == "0.10.0"
    pinned = helm("show", "chart", HTTP, f"{charts}/my-chart", "--version", "~0.9")
    assert yaml.safe_load(pinned)["version"] == "0.9.0"
