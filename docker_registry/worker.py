"""gunicorn's threaded worker, whose main thread answers what takes no waiting.

gunicorn's main thread polls the idle connections, and hands each request to a pool of threads.
There a client holds a thread for as long as it sends or receives, so that some hundred slow ones
keep everybody waiting; and to hand a request over costs more than its answer, where that is small.
So here:

- a new connection waits in the poller, without a thread, until its client has sent something;
- the main thread itself answers common reads (``Express``) that have come whole, whatever the pool
  is busy with; what a connection doesn't take of the answer at once is for a thread;
- connections are closed elsewhere, since closing may wait for the client.
"""

from __future__ import annotations

import errno
import re
import socket
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from selectors import EVENT_READ
from typing import Any, NamedTuple

from gunicorn.http import body, wsgi
from gunicorn.http.message import Request
from gunicorn.http.parser import Parser, RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

from docker_registry.connections import REST_SECONDS, Connection, Connections, Turns
from docker_registry.receiving import Body

#: How much of a request is received at once; nearly all heads are smaller.
HEAD_BYTES = 8192
#: For how many seconds a worker that stops waits for the first request of a connection; gunicorn
#: does the same for the next one.
LINGER_SECONDS = 2.0
#: How many connections whose time is out are closed before the next requests are looked for: to
#: close one takes about as long as to answer a common read.
CLOSED_AT_ONCE = 50
#: How many bytes of a refused body are still received, and for how long, in seconds: behind
#: them the client may go on. gunicorn gives up after 64 KiB, and the client learns that its
#: connection is closed when it has sent the next request.
REST_BYTES, REST_OF_BODY_SECONDS = 8 * 1024 * 1024, 5.0
#: How what may be a common read begins.
_READ = re.compile(rb"(?:GET|HEAD) [^ ?]*/(?:v2/|(?:manifests|blobs)/[^ /?]+) HTTP/1\.[01]\r\n")
_END = b"\r\n\r\n"
#: With one of these more than an answer is wanted, or more than a head is sent.
_MORE = re.compile(rb"\r\n(?:content-length|transfer-encoding|expect|upgrade)[ \t]*:", re.I)


class Settled:
    """gunicorn's settings, each found once: gunicorn searches for them some thirty times a request.

    Only for what no longer changes.
    """

    def __init__(self, settings: object) -> None:
        self._settings = settings

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._settings, name)
        self.__dict__[name] = value
        return value


class Written(NamedTuple):
    """An answer as it goes out.

    :ivar keeps: whether the connection stays open behind it.
    """

    data: bytes
    keeps: bool


class _Response(wsgi.Response):
    """gunicorn's, for headers that are known to be good: those of ``Express``."""

    def process_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        self.headers = list(headers)
        self.response_length = int(dict(headers)["Content-Length"])


class _Sink:
    """Takes what gunicorn would write to a socket."""

    def __init__(self) -> None:
        self.data = b""

    def sendall(self, data: bytes) -> None:
        self.data += data


class Worker(ThreadWorker):
    """A worker whose main thread never waits for a client, and answers common reads itself.

    Once it is told to stop, it takes no more connections.
    """

    # gunicorn's own stubs lack these, or are narrower.
    cfg: Any
    log: Any
    wsgi: Any
    poller: Any
    keepalived_conns: Any
    pending_conns: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cfg = Settled(self.cfg)
        self.keepalived_conns, self.pending_conns = Connections(), Connections()
        self._turns = Turns()
        # Without TLS the socket itself is what has been sent, and with HTTP/1 what comes next.
        self._speaks_plainly = (
            not self.cfg.is_ssl
            and self.cfg.protocol == "http"
            and self.cfg.http2_cleartext == "off"
            and self.cfg.keepalive
        )

    def init_process(self) -> None:
        """Prepare this process, and serve."""
        self._closers = ThreadPoolExecutor(self.cfg.threads, "close")
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """Accept connections, which wait for their first request without a thread."""
        self._turns.begin()
        for _ in range(self._turns.number):
            if not self._accept_one(listener):
                self._turns.start_over()
                break
        if self.cfg.workers > 1 and self.nr_conns > 1:
            self._turns.rest()
            self.set_accept_enabled(False)

    def _accept_one(self, listener: socket.socket) -> bool:
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return False
        self.nr_conns += 1
        connection = Connection(self.cfg, client, address, listener.getsockname())
        connection.set_timeout()
        self.pending_conns.append(connection)
        ready = partial(self.on_pending_socket_readable, connection)
        self.poller.register(client, EVENT_READ, ready)
        return True

    def wait_for_and_dispatch_events(self, timeout: float | None) -> None:
        """Wait for what comes next, or until the rest is over."""
        if self.keepalived_conns.has_expired() or self.pending_conns.has_expired():
            timeout = 0.0
        elif self._turns.is_resting():
            timeout = REST_SECONDS
        super().wait_for_and_dispatch_events(timeout)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close some of the kept connections whose time is out, or all that are kept."""
        if force:
            super().murder_keepalived(force)  # type: ignore[call-arg]
        else:
            self._close_expired(self.keepalived_conns)

    def murder_pending(self) -> None:
        """Close some of those whose first request did not come in time."""
        self._close_expired(self.pending_conns)

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Serve the first request of a connection."""
        written = self._answer(conn)
        if written is None:
            super().on_pending_socket_readable(conn, client)
            return
        # From here on it is one of those that are kept.
        self.pending_conns.remove(conn)
        self.keepalived_conns.append(conn)
        ready = partial(self.on_client_socket_readable, conn)
        self.poller.modify(client, EVENT_READ, ready)
        self._send(conn, written)

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Serve the next request of a connection."""
        written = self._answer(conn)
        if written is None:
            super().on_client_socket_readable(conn, client)
        else:
            self._send(conn, written)

    def handle_request(self, req: Request, conn: TConn) -> bool:
        """Serve a request in a thread; tell whether the connection is to be kept."""
        if type(req.body) is body.Body:
            req.body = Body(req.body.reader)
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        if not keepalive:
            return False
        assert isinstance(conn.parser, Parser)
        deadline = time.monotonic() + REST_OF_BODY_SECONDS
        is_whole: Any = conn.parser.finish_body(deadline, REST_BYTES)
        return bool(is_whole)

    def finish_request(self, conn: TConn, fs: Future[bool]) -> None:
        """Keep a connection for its next request, or close it."""
        if fs.cancelled() or fs.exception() is not None or fs.result() is not False:
            super().finish_request(conn, fs)
            return
        # gunicorn would close it here, and wait two seconds for each client that doesn't close
        # its side too: a few silent ones, and the worker serves nobody and is taken for dead.
        closed = self._closers.submit(conn.close, graceful=True)
        closed.add_done_callback(lambda _: self.method_queue.defer(self._forget_connection))

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Begin or cease to accept connections; nothing begins before the rest is over."""
        super().set_accept_enabled(enabled and not self._turns.is_resting())
        if not self.alive:
            # Left open, the listeners would let clients connect to nobody, and wait, for as long
            # as the last transfer takes.
            for listener in self.sockets:
                listener.close()
            until = time.monotonic() + LINGER_SECONDS
            for connection in self.pending_conns:
                connection.timeout = min(connection.timeout, until)

    def _close_expired(self, connections: Connections) -> None:
        for _ in range(CLOSED_AT_ONCE):
            if not connections.has_expired():
                return
            connection = connections.popleft()
            # As gunicorn does: none is left over that was closed by an error.
            with suppress(KeyError, ValueError):
                self.poller.unregister(connection.sock)
            self.nr_conns -= 1
            connection.close()

    def _forget_connection(self) -> None:
        self.nr_conns -= 1

    def _answer(self, conn: TConn) -> Written | None:
        """Answer the request that has come; ``None``, and nothing is taken, if a thread should."""
        if (
            not self._speaks_plainly
            or not self.alive
            or self.nr + 1 >= self.max_requests
            or len(self.keepalived_conns) >= self.max_keepalived
        ):
            return None
        conn.init()
        parser = conn.parser
        assert isinstance(parser, RequestParser)
        before, head = parser.mesg, _receive(conn.sock)
        written = self._answer_read(conn, parser, head) if _is_read(head) else None
        if written is None:
            # As if nothing had been read: what it asks may be that the connection is closed.
            parser.mesg = before
            parser.unreader.take_buffered()
            parser.unreader.unread(head)
        return written

    def _answer_read(self, conn: TConn, parser: RequestParser, head: bytes) -> Written | None:
        parser.unreader.unread(head)
        try:
            request = next(parser)
        except Exception:
            # What is wrong with it is told by the thread that reads it again.
            return None
        sink: Any = _Sink()
        began = datetime.now()
        response, environ = wsgi.create(
            request, sink, conn.client, conn.server, self.cfg, _Response
        )
        answer = self.wsgi.express.answer(environ)
        if answer is None:
            return None
        self.nr += 1
        response.start_response(answer.status, answer.headers)
        response.write(answer.body)
        self.log.access(response, request, environ, datetime.now() - began)
        return Written(sink.data, not response.should_close())

    def _send(self, conn: TConn, written: Written) -> None:
        """Send an answer, as far as the connection takes it at once, and what is left elsewhere."""
        try:
            sent = conn.sock.send(written.data, socket.MSG_DONTWAIT)
        except OSError:
            # A full buffer, or a connection that is gone: the thread will see.
            sent = 0
        if sent == len(written.data) and written.keeps:
            self.keepalived_conns.remove(conn)
            conn.set_timeout()
            self.keepalived_conns.append(conn)
            return
        self.keepalived_conns.remove(conn)
        self.poller.unregister(conn.sock)
        rest = self.tpool.submit(_send_rest, conn, Written(written.data[sent:], written.keeps))
        rest.add_done_callback(partial(self.method_queue.defer, self.finish_request, conn))


def _receive(client: socket.socket) -> bytes:
    # Of an error the thread learns that receives again.
    with suppress(OSError):
        return client.recv(HEAD_BYTES, socket.MSG_DONTWAIT)
    return b""


def _is_read(head: bytes) -> bool:
    """Tell whether this is a whole request for a common read, and nothing else."""
    return (
        _READ.match(head) is not None
        and head.find(_END) == len(head) - len(_END)
        and _MORE.search(head) is None
    )


def _send_rest(conn: TConn, written: Written) -> bool:
    """Send the rest of an answer; tell whether the connection is to be kept."""
    conn.sock.setblocking(True)
    try:
        conn.sock.sendall(written.data)
    except OSError:
        return False
    return written.keeps
