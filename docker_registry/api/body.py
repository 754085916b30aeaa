"""The body of a request, as it comes."""

from __future__ import annotations

from collections.abc import Iterator

from flask import request

from docker_registry.errors import SizeInvalid

#: What one read of a body asks for: as much as stays in a processor's cache until it is hashed and
#: written.
PIECE_BYTES = 192 * 1024


def body_chunks() -> Iterator[bytes]:
    """Give the body of the request, piece by piece; all that came, also when it is cut off.

    :raises SizeInvalid: it ended before its time, or the client fell silent.
    """
    stream, announced = request.stream, request.content_length
    size, failure = 0, None
    while True:
        try:
            chunk = stream.read(PIECE_BYTES)
        except Exception as error:
            # Whatever goes wrong here is the client's: a closed connection, a time-out, chunks
            # that are none. Each server has errors of its own for it.
            if failure is None and announced is None:
                # A server puts the pieces of chunks together: what it has is still to be given.
                failure = error
                continue
            raise _cut(failure or error) from None
        if not chunk:
            break
        size += len(chunk)
        yield chunk
        # Many uploads are slow: the last piece isn't held while the next one comes.
        del chunk
    if failure is not None or size < (announced or 0):
        raise _cut(failure or f"{size} bytes of {announced} came")


def read_body(limit: int) -> bytes | None:
    """Give the whole body of the request, or ``None`` when it has more than ``limit`` bytes.

    A body that is too long is not read to its end.
    """
    if (request.content_length or 0) > limit:
        return None
    parts, size = [], 0
    for chunk in body_chunks():
        size += len(chunk)
        if size > limit:
            return None
        parts.append(chunk)
    return b"".join(parts)


def _cut(reason: object) -> SizeInvalid:
    return SizeInvalid(f"the body of the request did not come to its end: {reason}")
