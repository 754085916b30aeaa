"""Glance is away while Swift is there; and a container that is full."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from docker_registry.drivers.glance import GlanceDriver
from docker_registry.drivers.swift import SwiftDriver
from docker_registry.registry import layout
from docker_registry.registry.names import Digest
from tests.clients import flavors
from tests.drivers.swift_service import swift_settings
from tests.faults.client import Client
from tests.faults.outage import heal, push, until
from tests.images import MIB, digest_of, noise
from tests.proxy import FaultyProxy
from tests.servers import RegistryServer
from tests.tools import require_service


def test_glance_is_away_and_comes_back(tmp_path: Path) -> None:
    url = urlsplit(require_service("openstack")["OS_GLANCE_URL"])
    assert url.hostname and url.port
    with FaultyProxy(url.hostname, url.port) as proxy:
        variables = {
            **flavors.openstack("glance-swift"),
            "OS_GLANCE_URL": f"http://127.0.0.1:{proxy.port}",
            "STORAGE_READ_TIMEOUT": "5",
        }
        with (
            flavors.registries(variables, tmp_path) as [registry],
            Client(registry.url, "team/app") as client,
        ):
            before = push(client, "before")
            proxy.refuse()
            during = push(client, "during")
            assert client.get(f"blobs/{digest_of(during)}").content == during
            assert client.get(f"blobs/{digest_of(before)}").status_code == 503
            assert client.get("manifests/before").status_code == 200
            ready = client.get("/health/ready").json()
            assert ready["status"] == "degraded"
            assert ready["storage"] == {"glance": "unavailable", "swift": "available"}
            proxy.pass_through()
            until(lambda: heal(registry).returncode == 0)
            for layer in (before, during):
                assert client.get(f"blobs/{digest_of(layer)}").content == layer
                assert path_of(layer) in images_of(registry)


def images_of(registry: RegistryServer) -> list[str]:
    """Give the paths that Glance has an image for."""
    settings = swift_settings(storage="glance", storage_path=registry.settings["STORAGE_PATH"])
    driver = GlanceDriver.from_settings(settings)
    return [image["docker_registry_path"] for image in driver._images.below(None)]


def path_of(layer: bytes) -> str:
    return layout.blob(Digest.of(layer))


def test_a_full_container_sends_pushes_to_the_alternate(tmp_path: Path) -> None:
    container = f"quota-{uuid.uuid4().hex}"
    variables = {
        **flavors.openstack("swift"),
        "OS_CONTAINER": container,
        "STORAGE_ALTERNATE": "local",
        "STORAGE_ALTERNATE_PATH": str(tmp_path / "alternate"),
    }
    with (
        flavors.registries(variables, tmp_path) as [registry],
        Client(registry.url, "team/app") as client,
    ):
        push(client, "before")
        settings = swift_settings(
            swift_container=container, storage_path=registry.settings["STORAGE_PATH"]
        )
        driver = SwiftDriver.from_settings(settings)
        set_quota(driver, "1000")
        layer = noise("does not fit", 2 * MIB)
        assert client.push_image(layer, "during").status_code == 201
        assert (tmp_path / "alternate" / path_of(layer)).exists()
        assert client.get(f"blobs/{digest_of(layer)}").content == layer
        assert client.get("manifests/before").status_code == 200
        assert client.get("/health/ready").json()["storage"]["swift"] == "available"
        set_quota(driver, "")
        until(lambda: heal(registry).returncode == 0)
        assert driver.get_content(path_of(layer)) == layer
        assert not (tmp_path / "alternate" / path_of(layer)).exists()


def set_quota(driver: SwiftDriver, limit: str) -> None:
    """Set or lift it, and wait until Swift's proxy server has taken notice."""
    container = driver._objects
    container.connection.post_container(container.name, {"X-Container-Meta-Quota-Bytes": limit})
    time.sleep(7)
