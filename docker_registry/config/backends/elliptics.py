"""Keys of Elliptics."""

from __future__ import annotations

from docker_registry.config.backends.base import DriverKeys
from docker_registry.config.keys import Numbers, Words, key


class Elliptics(DriverKeys):
    """Elliptics (flavor `elliptics`)."""

    elliptics_nodes: Words = key([], "Nodes, each `host:port:family`.", "ELLIPTICS_NODES")
    elliptics_groups: Numbers = key([], "Groups that hold the replicas.", "ELLIPTICS_GROUPS")
    elliptics_namespace: str = key("DOCKER", "Namespace of our keys.")
    elliptics_wait_timeout: int = key(
        60, "Seconds to wait for an answer.", "ELLIPTICS_WAIT_TIMEOUT", ge=1
    )
    elliptics_check_timeout: int = key(
        60, "Seconds between checks of a node.", "ELLIPTICS_CHECK_TIMEOUT", ge=1
    )
    elliptics_io_thread_num: int = key(
        2, "Threads for blocking work.", "ELLIPTICS_IO_THREAD_NUM", ge=1
    )
    elliptics_net_thread_num: int = key(
        2, "Threads for the network.", "ELLIPTICS_NET_THREAD_NUM", ge=1
    )
    elliptics_nonblocking_io_thread_num: int = key(
        2, "Threads for non-blocking work.", "ELLIPTICS_NONBLOCKING_IO_THREAD_NUM", ge=1
    )
    elliptics_verbosity: str = key(
        "error", "What is logged: error, notice, info, debug or data.", "ELLIPTICS_VERBOSITY"
    )
    elliptics_logfile: str = key("/dev/stderr", "Where it is logged.", "ELLIPTICS_LOGFILE")
    elliptics_addr_family: int = key(
        2, "Address family of nodes that name none: 2 or 10.", "ELLIPTICS_ADDR_FAMILY"
    )
    elliptics_node_flags: Words = key([], "Flags of the client node.")
