"""Making one object of others, inside the store as far as that is possible.

A copy by one request (CopyObject) is quick in Ceph, since source and copy share what lies beyond
the first 4 MiB of an object. Some Ceph releases count wrongly who shares it, and so lose data when
a copy is repeated over itself (tracker.ceph.com, 70746). Copies in parts share nothing: they are
the default above 4 MiB, and quicker with Amazon, where they run in parallel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from docker_registry.drivers.parts import Part
from docker_registry.drivers.s3 import objects
from docker_registry.drivers.s3.client import MIB, Connection
from docker_registry.drivers.s3.errors import s3_errors
from docker_registry.drivers.s3.multipart import Multipart, multipart
from docker_registry.drivers.s3.parts import LEAST_PART_BYTES, MOST_PARTS
from docker_registry.drivers.s3.reader import S3Reader

#: What one request copies, so that several can work on a large object.
COPY_PART_BYTES = 32 * MIB


@dataclass(frozen=True, slots=True)
class Piece:
    """An object that another one is made of; size in bytes."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a piece, from ``start`` to before ``stop``."""

    piece: Piece
    start: int
    stop: int

    @property
    def whole(self) -> bool:
        """Whether it is the whole piece."""
        return self.stop - self.start == self.piece.size


def copy(connection: Connection, source: Piece, key: str) -> None:
    """Make ``key`` an object with the bytes of another one, or of itself, stored now."""
    if source.size > connection.store.copy_limit:
        join(connection, [source], key)
        return
    with s3_errors(connection.where(source.key)):
        connection.client.copy_object(
            Bucket=connection.bucket,
            Key=key,
            CopySource={"Bucket": connection.bucket, "Key": source.key},
            # A copy onto itself is refused unless it changes something.
            MetadataDirective="REPLACE",
            **connection.storing,
        )


def join(connection: Connection, pieces: Sequence[Piece], key: str) -> None:
    """Make ``key`` an object of several, in order.

    Pieces of 5 MiB and more are copied by the store. What is too small to be a part passes through
    memory: a few MiB at a time.
    """
    groups = plan(pieces)
    if len(pieces) != 1 and sum(piece.size for piece in pieces) < LEAST_PART_BYTES:
        objects.put(
            connection, key, Part([chunk for group in groups for chunk in read(connection, group)])
        )
        return
    with multipart(connection, key) as upload:
        for group in groups:
            _add(connection, upload, group)


def _add(connection: Connection, upload: Multipart, group: Sequence[Span]) -> None:
    first = group[0]
    if len(group) == 1 and first.whole:
        upload.copy(first.piece.key, 0, None)
    elif len(group) == 1 and first.piece.size > LEAST_PART_BYTES:
        upload.copy(first.piece.key, first.start, first.stop - 1)
    else:
        # Ranges of objects of 5 MiB and less can't be copied (S3, UploadPartCopy).
        upload.put(Part(list(read(connection, group))))


def read(connection: Connection, spans: Sequence[Span]) -> Iterator[bytes]:
    """Give the bytes of spans, one after another."""
    for span in spans:
        with S3Reader(connection, span.piece.key, span.start, span.stop - span.start) as reader:
            yield from reader


def plan(pieces: Sequence[Piece]) -> list[list[Span]]:
    """Divide pieces into groups, each a part of a multipart upload.

    Every group but the last has at least 5 MiB, and there are never too many of them. As many as
    possible are a single span.
    """
    total = sum(piece.size for piece in pieces)
    least = max(LEAST_PART_BYTES, 2 * total // MOST_PARTS)
    most = max(COPY_PART_BYTES, 2 * least)
    groups: list[list[Span]] = []
    filling: list[Span] = []
    missing = least
    for piece in pieces:
        start = 0
        while start < piece.size:
            rest = piece.size - start
            if not filling and rest >= least:
                # No rest is left that would be too small for a part.
                stop = start + (most if rest >= most + least else rest)
                groups.append([Span(piece, start, stop)])
            else:
                stop = start + min(rest, missing)
                filling.append(Span(piece, start, stop))
                missing -= stop - start
                if not missing:
                    groups.append(filling)
                    filling, missing = [], least
            start = stop
    return [*groups, filling] if filling else groups
