"""TLS of the server: new handshakes follow the files of the certificate.

certbot and others renew a certificate by replacing files, one after the other, while the server
runs. The files are looked at when a client comes. As long as what is there can't be used, such as
a certificate whose key is not there yet, the pair of before is served.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock

# It writes before there is a worker as well.
log = logging.getLogger("gunicorn.error")

#: What tells one state of a file from another; ``None`` if it can't be looked at.
_Stamp = tuple[int, int, int] | None


class FollowingContext:
    """A TLS context that is made anew when one of its files changes. For many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._context: ssl.SSLContext | None = None
        self._seen: tuple[_Stamp, ...] = ()
        self._failed = False

    def get(self, paths: Iterable[str], make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """Give the context for a handshake.

        :param paths: the files that it is made of.
        :param make: makes a context of what they hold now; ``OSError`` or ``ValueError`` says that
            it can't. The first time, that is raised.
        """
        with self._lock:
            # Before they are read, so that what changes meanwhile is noticed the next time.
            now = tuple(map(_stamp, paths))
            if self._context is None:
                self._context = make()
            elif now != self._seen or self._failed:
                self._renew(make, is_news=now != self._seen)
            self._seen = now
            return self._context

    def _renew(self, make: Callable[[], ssl.SSLContext], *, is_news: bool) -> None:
        try:
            self._context = make()
        except (OSError, ValueError) as error:
            self._failed = True
            if is_news:
                log.error("%s: the certificate of before is served on", error)
        else:
            self._failed = False
            log.info("The TLS certificate has changed: new connections get the new one")


def _stamp(path: str) -> _Stamp:
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns
