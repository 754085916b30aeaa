"""Reading an object over HTTP: one request, taken up again where a connection breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from docker_registry.drivers.base import Reader
from docker_registry.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Download:
    """An answer whose body has not been read.

    :ivar size: bytes of the whole object.
    :ivar version: by which the same content, and no other, can be asked for again.
    :ivar chunks: the body; iterating raises only ``StorageError``.
    :ivar close: gives the connection back; may be called twice.
    """

    size: int
    version: str
    chunks: Iterator[bytes]
    close: Callable[[], None]


#: Asks for ``length`` bytes (None: all) from ``offset`` on, of a version (empty: the current one).
#: What lies beyond the end is cut, so a body may be empty.
Open = Callable[[int, int | None, str], Download]


class DownloadReader(Reader):
    """The body of a download, and of those that go on with it.

    :param open_download: asks the backend.
    :param attempts: how many downloads in a row may break without giving a byte.
    """

    def __init__(self, open_download: Open, attempts: int, offset: int, length: int | None) -> None:
        self._open = open_download
        self._attempts = attempts
        self._position = offset
        self._download: Download | None = open_download(offset, length, "")
        self._version = self._download.version
        self.size = self._download.size
        rest = max(self.size - offset, 0)
        self.length = rest if length is None else min(length, rest)
        if self.length == 0:
            self.close()

    def __iter__(self) -> Iterator[bytes]:
        end = self._position + self.length
        breaks = 0
        while self._position < end:
            try:
                chunk = self._next(end - self._position)
            except Unavailable:
                self.close()
                breaks += 1
                if breaks >= self._attempts:
                    raise
            else:
                breaks = 0
                self._position += len(chunk)
                yield chunk

    def close(self) -> None:
        """Give the connection back."""
        if self._download is not None:
            self._download.close()
            self._download = None

    def _next(self, left: int) -> bytes:
        if self._download is None:
            if not self._version:
                raise Unavailable("the download broke, and it can't be told what it was of")
            self._download = self._open(self._position, left, self._version)
        chunk = next(self._download.chunks, b"")
        if not chunk:
            raise Unavailable(f"the answer ends {left} bytes before its end")
        return chunk[:left]


def byte_range(offset: int, length: int | None) -> str | None:
    """Give the value of ``Range`` (RFC 9110, section 14.2), or None for the whole object.

    There is no range of no bytes: one byte is asked for then.
    """
    if length is None:
        return f"bytes={offset}-" if offset else None
    return f"bytes={offset}-{offset + max(length, 1) - 1}"


def whole_size(status: int, content_range: str | None, content_length: str | None) -> int:
    """Give the size of the whole object from the headers of an answer.

    :param status: 200, 206 or 416.
    :raises Unavailable: the headers don't tell.
    """
    text = content_length if status == 200 else (content_range or "").rpartition("/")[2]
    try:
        return int(text or "")
    except ValueError:
        raise Unavailable(f"an answer {status} tells no size: {text!r}") from None
