"""What the driver ``elliptics`` makes of its settings, and what it asks of a cluster."""

from __future__ import annotations

import pytest

from docker_registry.config import Settings
from docker_registry.drivers import create
from docker_registry.drivers.elliptics.client import Address
from docker_registry.drivers.elliptics.settings import address_of
from docker_registry.errors import ConfigError, Unavailable
from tests.elliptics.server import Cluster as Servers


def settings(*nodes: str, groups: str = "1") -> Settings:
    return Settings(storage="elliptics", elliptics_nodes=list(nodes), elliptics_groups=groups)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.1:1025:2", Address("10.0.0.1", 1025, 2)),
        ("node.example:1025", Address("node.example", 1025, 2)),
        ("[::1]:1025:10", Address("::1", 1025, 10)),
        ("::1:1025:10", Address("::1", 1025, 10)),
    ],
)
def test_nodes(text: str, address: Address) -> None:
    assert address_of(text, 2) == address


@pytest.mark.parametrize("text", ["", "host", "host:port", "host:0:2", "host:99999", "host:1:3"])
def test_nodes_that_can_not_be_read(text: str) -> None:
    with pytest.raises(ConfigError, match=r"elliptics_nodes \(ELLIPTICS_NODES\)"):
        create(settings(text))


def test_no_node() -> None:
    with pytest.raises(ConfigError, match=r"elliptics_nodes \(ELLIPTICS_NODES\)"):
        create(settings())


def test_a_group_that_no_node_has() -> None:
    with Servers({1: [1]}) as servers:
        with pytest.raises(Unavailable, match="ELLIPTICS_GROUPS"):
            create(settings(str(servers.nodes[1].address), groups="7")).check()
        driver = create(settings(str(servers.nodes[1].address)))
        driver.check()


def test_an_object_costs_one_request_and_its_chunks() -> None:
    with Servers({1: [1]}) as servers:
        driver = create(settings(str(servers.nodes[1].address)))
        driver.put_content("d/small", b"x")
        driver.write("up", [bytes(3 << 20)], "d/large")
        served = servers.nodes[1].served
        for path, requests in (("d/small", 1), ("d/large", 4)):
            served.clear()
            driver.stat(path)
            assert len(served) == 1
            served.clear()
            driver.get_content(path)
            assert len(served) == requests
