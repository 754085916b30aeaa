"""Flavors on Keystone, Swift and Glance."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from tests.clients import flavors
from tests.clients.engine import build_image, files_in
from tests.tools import Tool


def environment(flavor: str, directory: Path) -> flavors.Environment:
    """Give the variables of a flavor; ``glance`` keeps all but layers in a directory."""
    own = {"STORAGE_PATH": str(directory / "store")} if flavor == "glance" else {}
    return {**flavors.openstack(flavor), **own}


FLAVORS = ["swift", "glance", "glance-swift"]


@pytest.mark.parametrize("flavor", FLAVORS)
def test_push_pull_search_delete(docker: Tool, flavor: str, tmp_path: Path) -> None:
    with flavors.registries(environment(flavor, tmp_path), tmp_path) as [registry]:
        flavors.push_pull_search_delete(docker, registry)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_an_upload_by_turns_to_two_nodes(flavor: str, tmp_path: Path) -> None:
    with flavors.registries(environment(flavor, tmp_path), tmp_path, count=2) as nodes:
        flavors.upload_by_turns(nodes)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_large_image(docker: Tool, flavor: str, tmp_path: Path) -> None:
    with flavors.registries(environment(flavor, tmp_path), tmp_path) as [registry]:
        flavors.push_and_pull_large(docker, registry, tmp_path)


def test_docker_follows_temporary_urls(docker: Tool, tmp_path: Path) -> None:
    variables = {**flavors.openstack("swift"), "STORAGE_REDIRECT": "true"}
    with flavors.registries(variables, tmp_path) as [registry]:
        name = f"{registry.address}/redirected"
        build_image(docker, name, flavors.FILES)
        docker("push", name)
        docker("image", "remove", name)
        docker("pull", name)
        assert files_in(docker, name) == flavors.FILES
        docker("image", "remove", name)
        log = registry.log.read_text()
        assert '" 307 ' in log or " 307 " in log
        assert requests.get(f"{registry.url}/health/ready", timeout=30).json()["status"] == "ok"
