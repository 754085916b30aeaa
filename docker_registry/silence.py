"""A limit on how long a client may be silent in the middle of a request.

A threaded worker gives each request a thread, and its socket blocks: a client that vanished
without closing its connection, or that sends a byte a day, would hold the thread for ever. The
limit is for one wait, not for the request: an upload of many hours is fine as long as it moves.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


#: What has a body and no long answer.
_SENDING = frozenset({"PATCH", "POST", "PUT"})


class SilenceLimit:
    """WSGI middleware that limits the waits for the client's socket.

    When one takes too long, reading the request's body or writing the answer raises
    ``TimeoutError``, or ``BlockingIOError`` where the time-out is the kernel's: either is an
    ``OSError``. Works where the server gives the socket as ``gunicorn.socket``; elsewhere it does
    nothing.

    :param seconds: how long one read or write may wait.
    """

    def __init__(self, application: WSGIApplication, seconds: float) -> None:
        self._application = application
        self._seconds = seconds

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Set the time-out and go on."""
        client = environ.get("gunicorn.socket")
        if isinstance(client, socket.socket) and not (
            environ["REQUEST_METHOD"] in _SENDING and _has_kernel_limit(client)
        ):
            client.settimeout(self._seconds)
        return self._application(environ, start_response)


def _has_kernel_limit(client: socket.socket) -> bool:
    """Tell whether the kernel itself limits the waits of a socket that blocks.

    With Python's limit each read is two calls, of which the first one waits (``poll``), and bodies
    take thousands. But Python goes on waiting to send a file when the kernel's limit runs out.
    """
    if client.gettimeout() is not None:
        return False
    return any(client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.calcsize("ll")))


def limit_headers(listener: socket.socket, seconds: float) -> None:
    """Bound the wait for headers, on a connection without TLS.

    The kernel hands the time-outs of a listening socket down to the connections that it accepts
    (Linux, socket(7), SO_RCVTIMEO).
    """
    whole = int(seconds)
    timeval = struct.pack("ll", whole, int((seconds - whole) * 1_000_000))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)


def limit_tls(context: ssl.SSLContext, seconds: float) -> None:
    """Bound the waits for handshake and headers, on a connection with TLS.

    The kernel's time-outs don't do it: Python's ``ssl`` tries again when one runs out. So a socket
    of this context has a time-out where it would block for ever.
    """

    class LimitedSocket(ssl.SSLSocket):
        def settimeout(self, value: float | None) -> None:
            super().settimeout(seconds if value is None else value)

        def setblocking(self, flag: bool) -> None:
            super().settimeout(seconds if flag else 0)

    context.sslsocket_class = LimitedSocket
