"""Connections of a worker: which it takes, and in which order their time runs out."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator

from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn

from docker_registry.receiving import Receiver

#: How long a worker leaves new connections to others when it has taken one, in seconds: those that
#: a client opens in one moment would all be one worker's, and the others idle.
REST_SECONDS = 0.001
#: Behind so many rests without a pause between them, in seconds, it takes twice as many connections
#: at a time, up to a limit: thousands of clients that come at once would wait for a second.
RESTS, PAUSE_SECONDS, MOST_AT_ONCE = 8, 0.02, 64


class Connection(TConn):
    """A connection whose bytes are received as ``Receiver`` does."""

    def init(self) -> None:
        """Prepare to read requests, after a handshake if there is TLS."""
        if not self.initialized:
            super().init()
            if isinstance(self.parser, RequestParser):
                self.parser.unreader = Receiver(self.sock)


class Connections:
    """Connections in the order in which their time runs out, with what gunicorn uses of a deque.

    To take one out of the midst of a deque takes as long as there are idle clients.
    """

    def __init__(self) -> None:
        self._order: OrderedDict[TConn, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[TConn]:
        return iter(self._order)

    def __getitem__(self, _first: int) -> TConn:
        return next(iter(self._order))

    def append(self, connection: TConn) -> None:
        """Put one behind all others."""
        self._order[connection] = None

    def remove(self, connection: TConn) -> None:
        """Take one out."""
        del self._order[connection]

    def popleft(self) -> TConn:
        """Take the first one out."""
        return self._order.popitem(last=False)[0]

    def has_expired(self) -> bool:
        """Tell whether the time of the first one is out."""
        # gunicorn's stubs have no time for a connection that waits for nothing.
        return bool(self._order) and (self[0].timeout or 0.0) <= time.monotonic()


class Turns:
    """When a worker takes connections from the socket that all share, and how many.

    :ivar number: how many it takes at a time now.
    """

    def __init__(self) -> None:
        self.number = 1
        self._rests = 0
        self._rests_until = 0.0

    def begin(self) -> None:
        """Find the number for this turn."""
        if time.monotonic() > self._rests_until + PAUSE_SECONDS:
            self.start_over()
        elif self._rests == RESTS:
            self._rests = 0
            self.number = min(2 * self.number, MOST_AT_ONCE)

    def start_over(self) -> None:
        """Take one at a time again: there were no more."""
        self._rests, self.number = 0, 1

    def rest(self) -> None:
        """Leave what comes next to others."""
        self._rests += 1
        self._rests_until = time.monotonic() + REST_SECONDS

    def is_resting(self) -> bool:
        """Tell whether the next turn is still others'."""
        return time.monotonic() < self._rests_until
