"""What can go wrong between a client and an Elliptics cluster.

::

    EllipticsError
    ├── StatusError      the server answered with an error
    │   ├── NotFound     -2: no such key in this group
    │   └── Mismatch     -77: compare-and-swap found other data
    ├── Disconnected     no connection, or one that broke before the answer
    ├── TimedOut         no answer in time
    └── ProtocolError    an answer that can't be understood
"""

from __future__ import annotations

import errno
import os

#: What a compare-and-swap answers when the data are not the expected ones (EBADFD of Linux).
EBADFD = 77


class EllipticsError(Exception):
    """Any failure of a request."""


class StatusError(EllipticsError):
    """The server answered with an error.

    :ivar status: the negative error number of the answer, such as ``-errno.ENOENT``.
    """

    def __init__(self, status: int, what: str) -> None:
        super().__init__(f"{what}: {os.strerror(-status)} ({status})")
        self.status = status


class NotFound(StatusError):
    """The group has no such key; or the write of nothing was refused."""


class Mismatch(StatusError):
    """A compare-and-swap found other data than expected."""


class Disconnected(EllipticsError):
    """The connection could not be made, or broke: whether the request was served is unknown."""


class TimedOut(EllipticsError):
    """The answer did not come in time: whether the request was served is unknown."""


class ProtocolError(EllipticsError):
    """The server answered what this client can't understand."""


_KINDS: dict[int, type[StatusError]] = {-errno.ENOENT: NotFound, -EBADFD: Mismatch}


def status_error(status: int, what: str) -> StatusError:
    """Give the error that a negative status means; ``what`` says what was asked of whom."""
    return _KINDS.get(status, StatusError)(status, what)
