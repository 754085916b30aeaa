"""Flavors on Ceph's object gateway."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests import images
from tests.clients import flavors
from tests.clients.containers import storage_of
from tests.clients.engine import build_image, files_in
from tests.tools import Tool

FLAVORS = [flavors.ceph_s3, flavors.s3_over_tls, flavors.swift_of_ceph]


@pytest.mark.parametrize("flavor", FLAVORS)
def test_push_pull_search_delete(
    docker: Tool, flavor: Callable[[], flavors.Environment], tmp_path: Path
) -> None:
    with flavors.registries(flavor(), tmp_path) as [registry]:
        flavors.push_pull_search_delete(docker, registry)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_an_upload_by_turns_to_two_nodes(
    flavor: Callable[[], flavors.Environment], tmp_path: Path
) -> None:
    with flavors.registries(flavor(), tmp_path, count=2) as nodes:
        flavors.upload_by_turns(nodes)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_large_image(
    docker: Tool, flavor: Callable[[], flavors.Environment], tmp_path: Path
) -> None:
    with flavors.registries(flavor(), tmp_path) as [registry]:
        flavors.push_and_pull_large(docker, registry, tmp_path)


@pytest.mark.parametrize("flavor", [flavors.ceph_s3, flavors.swift_of_ceph])
def test_clients_follow_redirects_to_the_store(
    docker: Tool, flavor: Callable[[], flavors.Environment], tmp_path: Path
) -> None:
    environment = {**flavor(), "STORAGE_REDIRECT": "true"}
    with flavors.registries(environment, tmp_path) as [registry]:
        name = f"{registry.address}/redirected"
        build_image(docker, name, flavors.FILES)
        docker("push", name)
        docker("image", "remove", name)
        docker("pull", name)
        assert files_in(docker, name) == flavors.FILES
        docker("image", "remove", name)
        skopeo = Tool("skopeo", tmp_path / "home")
        source = f"docker://{name}:latest"
        skopeo("copy", "--src-tls-verify=false", source, f"dir:{tmp_path / 'copied'}")
        podman = Tool("podman", tmp_path / "podman-home", storage_of(tmp_path))
        podman("pull", "--tls-verify=false", name)
        manifest = requests.get(
            f"{registry.url}/v2/redirected/manifests/latest",
            headers={"Accept": images.DOCKER_MANIFEST},
            timeout=30,
        ).json()
        for layer in manifest["layers"]:
            path = f"{registry.url}/v2/redirected/blobs/{layer['digest']}"
            for method in ("GET", "HEAD"):
                answer = requests.request(method, path, allow_redirects=False, timeout=30)
                assert answer.status_code == 307
                found = requests.request(method, answer.headers["Location"], timeout=30)
                assert found.status_code == 200
                assert int(found.headers["Content-Length"]) == layer["size"]
            ranged = requests.get(path, headers={"Range": "bytes=0-9"}, timeout=30)
            assert ranged.status_code == 206
