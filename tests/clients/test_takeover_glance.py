"""A store that 0.9 kept in Glance and its alternate is adopted, served to V1, and migrated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
import requests

from docker_registry import drivers
from docker_registry.config import load
from docker_registry.drivers.alternate import Chain
from docker_registry.drivers.glance import GlanceDriver
from tests.clients import flavors
from tests.clients.daemon import Daemon, Layer, Refused, chain
from tests.drivers.glance_legacy import LegacyGlance, project
from tests.images import DOCKER_MANIFEST, digest_of
from tests.servers import RegistryServer


@pytest.fixture(scope="module")
def project_name() -> Iterator[str]:
    with project() as name:
        yield name


def store_of(server: RegistryServer) -> Chain:
    with patch.dict(os.environ, server.settings):
        found = drivers.create(load(server.settings))
    assert isinstance(found, Chain)
    return found


def lay_down(store: Chain, layers: list[Layer]) -> LegacyGlance:
    """Store images and a tag as 0.9 would."""
    glance = store.backends("images")[0].driver
    assert isinstance(glance, GlanceDriver)
    legacy = LegacyGlance(glance._images.client)
    line: list[str] = []
    for layer in layers:
        line.insert(0, layer.id)
        legacy.put_content(f"images/{layer.id}/json", layer.document)
        legacy.put_content(f"images/{layer.id}/ancestry", json.dumps(line).encode())
        legacy.write("", [layer.tar], f"images/{layer.id}/layer")
        checksums = json.dumps([layer.checksum]).encode()
        legacy.put_content(f"images/{layer.id}/_checksum", checksums)
    directory = "repositories/library/ubuntu"
    store.put_content(f"{directory}/tag_latest", layers[-1].id.encode())
    store.put_content(f"{directory}/_index_images", json.dumps([{"id": line[0]}]).encode())
    return legacy


def run(server: RegistryServer, *arguments: str) -> list[str]:
    """Run a command with a registry's settings, and give the lines of its output."""
    done = subprocess.run(
        [Path(sys.executable).with_name("docker-registry"), *arguments],
        env=server.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("flavor", ["glance", "glance-swift"])
def test_adopt_serve_and_migrate(flavor: str, project_name: str, tmp_path: Path) -> None:
    variables = {
        **flavors.openstack(flavor),
        "OS_PROJECT_NAME": project_name,
        "STORAGE_PATH": str(tmp_path / "store"),
        "SEARCH_BACKEND": "sqlalchemy",
        "SQLALCHEMY_INDEX_DATABASE": f"sqlite:///{tmp_path}/index.db",
    }
    layers = chain("base", "top")
    with flavors.registries(variables, tmp_path) as [registry], Daemon(registry.url) as daemon:
        legacy = lay_down(store_of(registry), layers)
        unfinished = Layer.make("unfinished")
        legacy.put_content(f"images/{unfinished.id}/json", unfinished.document)
        legacy.put_content(f"images/{unfinished.id}/_inprogress", b"true")
        with pytest.raises(Refused):
            daemon.pull("ubuntu")

        left = f"Glance image {legacy.ids[unfinished.id]} (images/{unfinished.id}/layer) is left "
        names = [f"Glance image {legacy.ids[one.id]} (images/{one.id}/layer)" for one in layers]
        planned, done, again = (
            run(registry, "adopt", *option) for option in (["--dry-run"], [], [])
        )
        assert "2 layers are to be adopted" in planned
        assert "2 layers adopted" in done
        assert "0 layers adopted" in again
        for lines in (planned, done):
            assert set(names) < set(lines)
        for lines in (planned, done, again):
            assert any(line.startswith(left) for line in lines)
        assert "1 repositories are indexed" in done

        absent = requests.get(f"{registry.url}/v1/images/{unfinished.id}/json", timeout=60)
        assert absent.status_code == 404
        assert daemon.pull("ubuntu") == layers
        found = requests.get(f"{registry.url}/v1/search?q=ubuntu", timeout=60).json()
        assert [entry["name"] for entry in found["results"]] == ["ubuntu"]
        daemon.put_tag("ubuntu", layers[0], "old")
        assert daemon.pull("ubuntu", "old") == layers[:1]
        more = [*layers, Layer.make("more", layers[-1].id)]
        daemon.push("ubuntu", more, "more")
        assert daemon.pushed == [more[-1].id]

        assert run(registry, "migrate")[-1] == "3 tags: 3 migrated"
        headers = {"Accept": DOCKER_MANIFEST}
        address = f"{registry.url}/v2/ubuntu"
        manifest = requests.get(f"{address}/manifests/more", headers=headers, timeout=60).json()
        digests = [layer["digest"] for layer in manifest["layers"]]
        assert digests == [digest_of(layer.tar) for layer in more]
        for layer in more:
            blob = requests.get(f"{address}/blobs/{digest_of(layer.tar)}", timeout=60)
            assert blob.content == layer.tar

        run(registry, "migrate", "--remove")
        assert store_of(registry).list("images") == []
        legacy.client.images.delete(legacy.ids[unfinished.id])
        images = legacy.client.images.list()
        assert not [image for image in images if "meta_json" in image]
