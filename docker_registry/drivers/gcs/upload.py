"""Making objects: from a stream, and from other objects without their bytes coming by here."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from docker_registry.drivers.blocks import in_parallel
from docker_registry.drivers.gcs.client import Client
from docker_registry.errors import PathNotFound

#: Size of the requests of a resumable upload, which must be a multiple of 256 KiB.
CHUNK_BYTES = 2 * 1024 * 1024
#: Objects that one may be composed of (https://cloud.google.com/storage/docs/composite-objects).
COMPOSE = 32
#: Deletes at a time.
DELETES = 8
CONTENT_TYPE = "application/octet-stream"


def put(client: Client, name: str, data: bytes) -> None:
    """Make an object in one request, replacing any."""
    with client.errors(name):
        client.blob(name).upload_from_string(
            data, CONTENT_TYPE, timeout=client.timeout, retry=client.retry
        )


def put_stream(client: Client, name: str, chunks: Iterable[bytes]) -> int:
    """Make an object of a stream, and give its size; of no bytes none is made.

    The object appears, and replaces any, when its last byte has come. When ``chunks`` raises, none
    appears, and the service forgets what came after a week.
    """
    source = _Source(chunks)
    first = source.read(CHUNK_BYTES)
    if len(first) < CHUNK_BYTES:
        if first:
            put(client, name, first)
        return len(first)
    source.seek(0)
    try:
        with client.errors(name):
            client.blob(name, CHUNK_BYTES).upload_from_file(
                source, content_type=CONTENT_TYPE, timeout=client.timeout, retry=client.retry
            )
    except Exception:
        if source.failure is not None:
            raise source.failure from None
        raise
    return source.tell()


def join(client: Client, sources: Sequence[str], name: str, directory: str) -> None:
    """Make an object of the bytes of others, replacing any; the service joins them.

    :param directory: where objects may lie meanwhile; empty, or ending with a slash.
    :raises PathNotFound: a source is gone.
    """
    if len(sources) == 1:
        copy(client, sources[0], name)
        return
    between: list[str] = []
    try:
        while len(sources) > COMPOSE:
            joined = []
            for start in range(0, len(sources), COMPOSE):
                joined.append(f"{directory}joined-{uuid.uuid4().hex}")
                between.append(joined[-1])
                _compose(client, sources[start : start + COMPOSE], joined[-1])
            sources = joined
        _compose(client, sources, name)
    finally:
        delete(client, between)


def copy(client: Client, source: str, name: str) -> None:
    """Make an object of the bytes of another one, replacing any; the service copies them.

    :raises PathNotFound: the source is gone.
    """
    with client.errors(source):
        target, token = client.blob(name), None
        while True:
            token, _, _ = target.rewrite(
                client.blob(source), token=token, timeout=client.timeout, retry=client.retry
            )
            if token is None:
                return


def delete(client: Client, names: Sequence[str]) -> bool:
    """Delete objects, some of which may be gone, and tell whether any was there."""
    found: list[str] = []

    def delete_one(name: str) -> None:
        with suppress(PathNotFound), client.errors(name):
            client.blob(name).delete(timeout=client.timeout, retry=client.retry)
            found.append(name)

    in_parallel(delete_one, names, DELETES)
    return bool(found)


def _compose(client: Client, sources: Sequence[str], name: str) -> None:
    with client.errors(name):
        target = client.blob(name)
        target.content_type = CONTENT_TYPE
        target.compose(
            [client.blob(source) for source in sources],
            timeout=client.timeout,
            retry=client.retry,
        )


class _Source(io.RawIOBase):
    """A stream that the SDK can read, and go back in by what it read last.

    :ivar failure: what ``chunks`` raised.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.failure: Exception | None = None
        self._chunks: Iterator[bytes] = iter(chunks)
        self._rest = memoryview(b"")
        self._last = b""
        self._begin = 0
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        """Give ``size`` bytes, or fewer at the end."""
        block = io.BytesIO()
        block.write(self._last[self._at :])
        while block.tell() < size and self._more():
            take = size - block.tell()
            block.write(self._rest[:take])
            self._rest = self._rest[take:]
        self._begin += self._at
        self._last = block.getvalue()
        self._at = len(self._last)
        return self._last

    def tell(self) -> int:
        """Give how many bytes were read."""
        return self._begin + self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go back within the last bytes that were read."""
        at = offset - self._begin
        if whence != io.SEEK_SET or not 0 <= at <= len(self._last):
            raise OSError(f"can't go to {offset}: only what was read last is kept")
        self._at = at
        return offset

    def _more(self) -> bool:
        while not self._rest:
            try:
                self._rest = memoryview(next(self._chunks))
            except StopIteration:
                return False
            except Exception as error:
                self.failure = error
                raise
        return True
