"""A client of Elliptics in pure Python.

Elliptics is a distributed store of keys and values (https://github.com/reverbrain/elliptics). This
client speaks its wire protocol with servers of 2.26, 2.27 and 3.0: the classic commands, no
secondary indexes, nothing that only one of them has. It needs nothing but Python, and nothing of
the registry around it.

Values of one group, one call after another::

    from docker_registry.drivers.elliptics.client import Address, Cluster, Session

    cluster = Cluster([Address("10.0.0.1", 1025), Address("10.0.0.2", 1025)])
    session = Session(cluster, group=1, namespace="DOCKER")
    session.write("greeting", b"hello")
    session.read("greeting")
    session.compare_and_swap("greeting", b"hello", b"good evening")
    session.delete("greeting")

Many requests at once, to several groups, from one thread::

    from docker_registry.drivers.elliptics.client import Exchange, key_id, read_data, requests

    with Exchange(cluster) as exchange:
        calls = [exchange.submit(requests.read(g, key_id(b"greeting"))) for g in (1, 2, 3)]
        exchange.wait(lambda: any(call.done for call in calls))

The modules, from the bottom: ``errors``; ``protocol`` and ``nodes``, the bytes on the wire;
``requests``, one function a command; ``connection``, one TCP connection; ``cluster``, which node
is asked and which is down; ``exchange``, requests under way together; ``session``, the simple way.

What to know of Elliptics before using it:

- A request goes to one group. Writing to all of them is the client's business, and so is telling
  replicas that missed a write, or a delete, from those that did not.
- There are no empty values, and no list of keys: only the SHA-512 of a key is stored.
- A large value that is overwritten is not replaced at once: readers see old and new bytes mixed.
- Compare-and-swap is safe within a group, not between groups.
- -2 says that a group has no such key; -95 that the group can't be asked. They are not the same.
- There is no authentication and no encryption: who reaches the port may do anything.
"""

from docker_registry.drivers.elliptics.client.cluster import Cluster
from docker_registry.drivers.elliptics.client.connection import Call, Connection
from docker_registry.drivers.elliptics.client.errors import (
    Disconnected,
    EllipticsError,
    Mismatch,
    NotFound,
    ProtocolError,
    StatusError,
    TimedOut,
)
from docker_registry.drivers.elliptics.client.exchange import Exchange
from docker_registry.drivers.elliptics.client.nodes import Address, FileInfo
from docker_registry.drivers.elliptics.client.protocol import IoAttributes, checksum, key_id
from docker_registry.drivers.elliptics.client.session import Session, now, read_data

__all__ = [
    "Address",
    "Call",
    "Cluster",
    "Connection",
    "Disconnected",
    "EllipticsError",
    "Exchange",
    "FileInfo",
    "IoAttributes",
    "Mismatch",
    "NotFound",
    "ProtocolError",
    "Session",
    "StatusError",
    "TimedOut",
    "checksum",
    "key_id",
    "now",
    "read_data",
]
