"""The settings of the driver, read into a cluster."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from docker_registry.drivers.elliptics.client import Address, Cluster
from docker_registry.errors import ConfigError

if TYPE_CHECKING:
    from docker_registry.config import Settings

_NODE = re.compile(r"\[?(?P<host>[^\[\]]+?)\]?:(?P<port>\d{1,5})(?::(?P<family>\d+))?")


def cluster_of(settings: Settings) -> Cluster:
    """Give the cluster that the settings name, without connecting.

    :raises ConfigError: there is no node, or one that can't be read.
    """
    if not settings.elliptics_nodes:
        raise ConfigError(
            "elliptics_nodes (ELLIPTICS_NODES) names no node: set it to host:port:family of the "
            "nodes, such as 10.0.0.1:1025:2"
        )
    nodes = [address_of(node, settings.elliptics_addr_family) for node in settings.elliptics_nodes]
    return Cluster(
        nodes,
        settings.storage_connect_timeout,
        settings.elliptics_wait_timeout,
        settings.elliptics_check_timeout,
    )


def address_of(node: str, family: int) -> Address:
    """Read ``host:port`` or ``host:port:family``; an IPv6 host without family is in brackets."""
    found = _NODE.fullmatch(node)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise _unreadable(node)
    wanted = int(found["family"] or family)
    if wanted not in (socket.AF_INET, socket.AF_INET6):
        raise _unreadable(node)
    return Address(found["host"], int(found["port"]), wanted)


def _unreadable(node: str) -> ConfigError:
    return ConfigError(
        f"elliptics_nodes (ELLIPTICS_NODES) has {node!r}: write host:port:family, where the "
        "family (or ELLIPTICS_ADDR_FAMILY) is 2 for IPv4 and 10 for IPv6"
    )
