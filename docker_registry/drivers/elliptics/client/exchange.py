"""Many requests at once, to as many nodes as it takes, from one thread.

::

    with Exchange(cluster) as exchange:
        calls = [exchange.submit(requests.read(group, id_)) for group in groups]
        exchange.wait(lambda: any(call.done for call in calls))
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Self

from docker_registry.drivers.elliptics.client.cluster import Cluster, Remote
from docker_registry.drivers.elliptics.client.connection import Call, Connection
from docker_registry.drivers.elliptics.client.errors import (
    Disconnected,
    EllipticsError,
    ProtocolError,
    TimedOut,
)
from docker_registry.drivers.elliptics.client.requests import Request


class _Line:
    """A connection that an exchange uses, and the node it leads to."""

    def __init__(self, remote: Remote, connection: Connection, fresh: bool) -> None:
        self.remote = remote
        self.connection = connection
        self.fresh = fresh


class Exchange:
    """Requests of one thread that are under way together.

    Each group's requests go through one connection; groups of the same node share theirs. If a
    connection breaks, what it owed is asked again, of another node if it must be: a request may so
    be served twice, so send only what may be repeated.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lines: list[_Line] = []
        self._by_group: dict[int, _Line] = {}

    def submit(self, request: Request) -> Call:
        """Begin a request. What goes wrong, the call's ``result`` raises."""
        call = Call(request)
        self._send(call)
        return call

    def wait(self, enough: Callable[[], bool], seconds: float | None = None) -> bool:
        """Go on with all calls until ``enough`` gives true; tell whether it did.

        Else all calls are done, or ``seconds`` are over; by default every call gets an answer or
        an error in the end.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while not enough():
            busy = [line for line in self._lines if line.connection.calls]
            if not busy:
                return enough()
            now = time.monotonic()
            if end is not None and now >= end:
                return False
            self._poll(busy, now, end)
        return True

    def answer(self, call: Call) -> bytearray:
        """Wait for one call and give the payload of its last reply, or raise its error."""
        self.wait(lambda: call.done)
        return call.result()[1]

    def close(self) -> None:
        """Give connections back; those that still owe an answer are closed."""
        for line in self._lines:
            if line.connection.calls or line.connection.sending:
                line.connection.close()
            else:
                line.remote.give_back(line.connection)
        self._lines = []
        self._by_group = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, call: Call) -> None:
        try:
            line = self._line(call.request.group)
        except EllipticsError as error:
            call.fail(error)
            return
        line.connection.submit(call)
        try:
            line.connection.flush()
        except Disconnected as error:
            self._broken(line, error)

    def _line(self, group: int) -> _Line:
        line = self._by_group.get(group)
        if line is None:
            remote, connection, fresh = self._cluster.connect(group)
            line = next((line for line in self._lines if line.remote is remote), None)
            if line is None:
                line = _Line(remote, connection, fresh)
                self._lines.append(line)
            else:
                remote.give_back(connection)
            self._by_group[group] = line
        return line

    def _poll(self, busy: list[_Line], now: float, end: float | None) -> None:
        patience = self._cluster.wait_timeout
        deadlines = {id(line): _silent_since(line) + patience for line in busy}
        first = min(deadlines.values())
        until = first if end is None else min(first, end)
        poll = select.poll()
        lines = {}
        for line in busy:
            lines[line.connection.fileno()] = line
            writing = select.POLLOUT if line.connection.sending else 0
            poll.register(line.connection.fileno(), select.POLLIN | writing)
        ready = poll.poll(max(0.0, until - now) * 1000 + 1)
        for descriptor, _ in ready:
            self._advance(lines[descriptor])
        if not ready:
            self._give_up([line for line in busy if deadlines[id(line)] <= time.monotonic()])

    def _advance(self, line: _Line) -> None:
        if line not in self._lines:
            return
        try:
            line.connection.flush()
            line.connection.receive()
        except (Disconnected, ProtocolError) as error:
            self._broken(line, error)

    def _give_up(self, silent: list[_Line]) -> None:
        """End the calls of connections that were silent for too long."""
        for line in silent:
            error = TimedOut(
                f"{line.remote.address}: no answer in {self._cluster.wait_timeout:g} s"
            )
            self._cluster.fail(line.remote)
            for call in self._drop(line):
                call.fail(error)

    def _broken(self, line: _Line, error: EllipticsError) -> None:
        """Ask again what a broken connection owed."""
        if line.fresh:
            self._cluster.fail(line.remote)
        else:
            # It may only have been idle for too long, like the others beside it.
            line.remote.forget_idle()
        for call in self._drop(line):
            if call.attempts > len(self._cluster.remotes):
                call.fail(error)
            else:
                call.packets.clear()
                self._send(call)

    def _drop(self, line: _Line) -> list[Call]:
        line.connection.close()
        self._lines.remove(line)
        self._by_group = {group: kept for group, kept in self._by_group.items() if kept is not line}
        return list(line.connection.calls.values())


def _silent_since(line: _Line) -> float:
    """Give when a connection last moved while it owed the oldest of its answers."""
    oldest = min(call.sent for call in line.connection.calls.values())
    return max(oldest, line.connection.progress)
