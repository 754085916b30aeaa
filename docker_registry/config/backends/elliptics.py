"""Keys of Elliptics."""

from __future__ import annotations

from docker_registry.config.backends.base import DriverKeys
from docker_registry.config.keys import Numbers, Words, key


class Elliptics(DriverKeys):
    """Elliptics (flavor `elliptics`)."""

    elliptics_nodes: Words = key(
        [],
        "Nodes, each `host:port:family`, in order of preference. An IPv6 host is in brackets.",
        "ELLIPTICS_NODES",
    )
    elliptics_groups: Numbers = key(
        [1],
        "Groups that hold the replicas: the same on every registry. More than half must work.",
        "ELLIPTICS_GROUPS",
        min_length=1,
    )
    elliptics_namespace: str = key("DOCKER", "Namespace of our keys.")
    elliptics_wait_timeout: int = key(
        60,
        "Seconds for which a node may be silent while it owes an answer.",
        "ELLIPTICS_WAIT_TIMEOUT",
        ge=1,
    )
    elliptics_check_timeout: int = key(
        60,
        "Seconds for which a node, or a group, that failed is left alone where others do.",
        "ELLIPTICS_CHECK_TIMEOUT",
        ge=1,
    )
    elliptics_io_thread_num: int = key(
        2, "Without effect: our client starts no threads.", "ELLIPTICS_IO_THREAD_NUM", ge=1
    )
    elliptics_net_thread_num: int = key(
        2, "Without effect, likewise.", "ELLIPTICS_NET_THREAD_NUM", ge=1
    )
    elliptics_nonblocking_io_thread_num: int = key(
        2, "Without effect, likewise.", "ELLIPTICS_NONBLOCKING_IO_THREAD_NUM", ge=1
    )
    elliptics_verbosity: str = key(
        "error", "Without effect: what is logged is up to `loglevel`.", "ELLIPTICS_VERBOSITY"
    )
    elliptics_logfile: str = key(
        "/dev/stderr", "Without effect: our client logs with the registry.", "ELLIPTICS_LOGFILE"
    )
    elliptics_addr_family: int = key(
        2,
        "Address family of nodes that name none: 2 for IPv4, 10 for IPv6.",
        "ELLIPTICS_ADDR_FAMILY",
    )
    elliptics_node_flags: Words = key([], "Without effect: flags of the client of 0.9.")
