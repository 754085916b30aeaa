"""Clients of V1: what the Docker daemon 1.x did, and docker-registry-client of PyPI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
import requests

from tests.clients import flavors
from tests.clients.daemon import Daemon, Refused, chain
from tests.clients.test_flavor_clouds import azureblob, elliptics, gcs
from tests.images import MIB
from tests.servers import RegistryServer
from tests.tools import missing

Flavor = Callable[[], AbstractContextManager[flavors.Environment]]


def push_and_pull(url: str, name: str, size: int = 100_000) -> None:
    """Push images that share a base to two repositories, and pull them with another daemon."""
    base = chain(f"{name}-base", f"{name}-middle", size=size)
    top = chain(*(f"{name}-{part}" for part in ("base", "middle", "top")), size=size)
    with Daemon(url) as daemon:
        daemon.push(f"{name}/base", base, "latest")
        assert daemon.pushed == [layer.id for layer in base]
        daemon.push(f"{name}/top", top, "latest", "1.0")
        assert daemon.pushed == [layer.id for layer in top]
        # The second time there is nothing left to push.
        daemon.push(f"{name}/top", top, "2.0")
        assert daemon.pushed == [layer.id for layer in top]
    with Daemon(url) as other:
        assert other.pull(f"{name}/base") == base
        for tag in ("latest", "1.0", "2.0"):
            assert other.pull(f"{name}/top", tag) == top
        with pytest.raises(Refused) as nothing:
            other.pull(f"{name}/nothing")
        assert nothing.value.status == 404


def test_the_daemon(registry: RegistryServer) -> None:
    push_and_pull(registry.url, "daemon", size=5 * MIB)


def test_the_daemon_with_names_of_many_parts(registry: RegistryServer) -> None:
    layers = chain("parts")
    with Daemon(registry.url) as daemon:
        for repository in ("single", "a/b/c"):
            daemon.push(repository, layers, "latest")
            assert daemon.pull(repository) == layers
        assert daemon.pull("library/single") == layers


@contextmanager
def ceph_s3() -> Iterator[flavors.Environment]:
    """Clients are sent to Ceph for layers."""
    yield {**flavors.ceph_s3(), "STORAGE_REDIRECT": "true"}


@contextmanager
def swift() -> Iterator[flavors.Environment]:
    yield flavors.openstack("swift")


@contextmanager
def glance_swift() -> Iterator[flavors.Environment]:
    yield flavors.openstack("glance-swift")


@pytest.mark.parametrize("flavor", [ceph_s3, swift, glance_swift, azureblob, gcs, elliptics])
def test_the_daemon_on_every_store(flavor: Flavor, tmp_path: Path) -> None:
    layers = chain("base", "top", size=MIB)
    with flavor() as variables, flavors.registries(variables, tmp_path) as [registry]:
        with Daemon(registry.url) as daemon:
            daemon.push("team/app", layers, "latest")
            assert daemon.pull("team/app") == layers
        top = f"{registry.url}/v1/images/{layers[-1].id}"
        layer = requests.get(f"{top}/layer", allow_redirects=False, timeout=60)
        assert layer.status_code == (302 if "STORAGE_REDIRECT" in variables else 200)
        files = requests.get(f"{top}/files", timeout=60)
        assert files.json() == [["/top", "f", False, MIB, 0, 0o644, 0, 0]]
        repository = f"{registry.url}/v1/repositories/team/app"
        assert requests.delete(f"{repository}/", timeout=60).status_code == 200
        assert requests.get(f"{repository}/tags", timeout=60).status_code == 404


def test_many_daemons_that_push_the_same(registry: RegistryServer) -> None:
    """Each comes through, or is told for an image that somebody else was first, and tries again."""
    layers = chain("same-base", "same-top", size=2 * MIB)
    start = Barrier(4)

    def push(number: int) -> None:
        start.wait()
        with Daemon(registry.url) as daemon:
            for attempt in range(len(layers) + 1):
                try:
                    daemon.push(f"same/app{number}", layers, "latest")
                except Refused as refused:
                    assert attempt < len(layers)
                    assert refused.status == 409, refused
                else:
                    break
            assert daemon.pull(f"same/app{number}") == layers

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(push, range(4)))


def test_pulls_work_while_pushes_are_on(registry: RegistryServer) -> None:
    old, new = chain("moving-base", "old"), chain("moving-base", "new", size=5 * MIB)
    old[0] = new[0]  # They share their base.
    done = Event()
    with Daemon(registry.url) as daemon:
        daemon.push("moving/app", old, "latest")

        def pull() -> list[Any]:
            seen = []
            with Daemon(registry.url) as other:
                while not done.is_set():
                    seen.append(other.pull("moving/app"))
            return seen

        with ThreadPoolExecutor(1) as pool:
            pulls = pool.submit(pull)
            # Of a push that is cut off, nobody sees anything.
            daemon.begin_layer(chain("cut-off")[0])
            daemon.push("moving/app", new, "latest")
            done.set()
            seen = pulls.result()
        assert seen
        assert all(pulled in (old, new) for pulled in seen)
        assert daemon.pull("moving/app") == new


@pytest.mark.filterwarnings("ignore")
def test_docker_registry_client(registry: RegistryServer) -> None:
    try:
        from docker_registry_client import DockerRegistryClient
    except ImportError:
        missing("docker-registry-client", "pip install -e '.[test]'")
    layers = chain("pypi-base", "pypi-top")
    with Daemon(registry.url) as daemon:
        daemon.push("pypi/app", layers, "latest", "1.0")

    client = DockerRegistryClient(registry.url, api_version=1)
    repository = client.repository("pypi/app")
    assert sorted(repository.tags()) == ["1.0", "latest"]
    assert repository.data("latest")["docker_version"] == "1.5.0"
    calls = client._base_client
    assert calls.check_status() == {}
    image = calls.get_image_id("pypi", "app", "latest")
    assert calls.get_image_ancestry(image) == [layer.id for layer in reversed(layers)]
    assert calls.get_image_layer(image)["parent"] == layers[0].id
    assert repository.tag("2.0", image) is True
    assert repository.untag("1.0") is True
    repository.refresh()
    assert sorted(repository.tags()) == ["2.0", "latest"]
    # It asks for the address without a slash at its end.
    assert calls.delete_repository("pypi", "app") is True
    with pytest.raises(requests.HTTPError):
        repository.refresh()
