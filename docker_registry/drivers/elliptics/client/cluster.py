"""The nodes of a cluster as a client sees them: which to ask for a group, and which are down."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence

from docker_registry.drivers.elliptics.client.connection import Connection
from docker_registry.drivers.elliptics.client.errors import Disconnected, EllipticsError
from docker_registry.drivers.elliptics.client.nodes import Address

#: Idle connections that are kept to one node.
IDLE = 32


class Remote:
    """A node: its idle connections and what is known of it.

    :ivar groups: the groups it holds a part of; ``None`` as long as it was never reached.
    :ivar down_until: when it may be tried again, by ``time.monotonic``.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.groups: frozenset[int] | None = None
        self.down_until = 0.0
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._process = os.getpid()

    @property
    def down(self) -> bool:
        """Whether it failed not long ago."""
        return self.down_until > time.monotonic()

    def take_idle(self) -> Connection | None:
        """Give an idle connection of this process."""
        with self._lock:
            if self._process != os.getpid():
                # After a fork the connections are the parent's; closing our copies of their
                # descriptors doesn't disturb it.
                self._process = os.getpid()
                self._idle = []
            return self._idle.pop() if self._idle else None

    def give_back(self, connection: Connection) -> None:
        """Keep a connection without calls for later."""
        with self._lock:
            if self._process == os.getpid() and len(self._idle) < IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def forget_idle(self) -> None:
        """Close all idle connections: one of them turned out to be dead."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


class Cluster:
    """The configured nodes. Nothing is connected before it is needed.

    Safe to use from many threads, and after a fork.

    :param remotes: nodes in order of preference; any of them forwards what it doesn't hold.
    :param connect_timeout: seconds for making a connection.
    :param wait_timeout: seconds for which a node may be silent while it owes an answer.
    :param check_timeout: seconds for which a node that failed is only asked if no other is left.
    """

    def __init__(
        self,
        remotes: Sequence[Address],
        connect_timeout: float = 5,
        wait_timeout: float = 30,
        check_timeout: float = 60,
    ) -> None:
        self.connect_timeout = connect_timeout
        self.wait_timeout = wait_timeout
        self.check_timeout = check_timeout
        self.remotes = [Remote(address) for address in remotes]

    def connect(self, group: int) -> tuple[Remote, Connection, bool]:
        """Give a connection to a node for requests to ``group``, and whether it is a fresh one.

        :raises EllipticsError: no node can be reached; the error is that of the last one tried.
        """
        failure: EllipticsError = Disconnected("no nodes are configured")
        spare: tuple[Remote, Connection, bool] | None = None
        for remote in self._preferred(group):
            if spare is not None and (_rank(remote, group) == 2 or remote.down):
                break
            try:
                found = (remote, *self._connection(remote))
            except EllipticsError as error:
                failure = error
                continue
            if spare is not None:
                spare[0].give_back(spare[1])
            if _rank(remote, group) == 0:
                return found
            spare = found
        if spare is None:
            raise failure
        # No node that works holds the group: any may know one that does, and forward.
        return spare

    def fail(self, remote: Remote) -> None:
        """Note that a node doesn't work at the moment."""
        remote.down_until = time.monotonic() + self.check_timeout
        remote.forget_idle()

    def close(self) -> None:
        """Close idle connections."""
        for remote in self.remotes:
            remote.forget_idle()

    def _preferred(self, group: int) -> Iterator[Remote]:
        """Give the nodes: those that work and hold the group, those unknown, the others, the dead.

        Asked for one after another, since what is known changes with each that is reached.
        """
        left = list(self.remotes)
        while left:
            best = min(left, key=lambda remote: (remote.down, _rank(remote, group)))
            left.remove(best)
            yield best

    def _connection(self, remote: Remote) -> tuple[Connection, bool]:
        idle = remote.take_idle()
        if idle is not None:
            return idle, False
        if remote.down_until:
            # One thread tries a node that was down; the others go round it meanwhile.
            remote.down_until = time.monotonic() + self.check_timeout
        try:
            connection = Connection(remote.address, self.connect_timeout)
        except EllipticsError:
            self.fail(remote)
            raise
        remote.down_until = 0.0
        remote.groups = frozenset(
            backend.group for backend in connection.handshake.backends if not backend.disabled
        )
        return connection, True


def _rank(remote: Remote, group: int) -> int:
    if remote.groups is None:
        return 1
    return 0 if group in remote.groups else 2
