"""The requests that everything else is made of."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from docker_registry.drivers.parts import Part
from docker_registry.drivers.s3.client import Connection
from docker_registry.drivers.s3.errors import code, s3_errors
from docker_registry.drivers.s3.multipart import multipart
from docker_registry.drivers.s3.parts import cut, part_bytes
from docker_registry.errors import Unavailable

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

#: The error code of a condition that is not met.
EXISTS = "PreconditionFailed"
#: The most that S3 lists, and deletes, at once.
PAGE = 1000


def put(connection: Connection, key: str, data: bytes | Part) -> None:
    """Store an object by one request."""
    with s3_errors(connection.where(key)):
        connection.client.put_object(
            Bucket=connection.bucket,
            Key=key,
            Body=data,  # type: ignore[arg-type]
            ContentLength=len(data),
            **connection.storing,
        )


def create(connection: Connection, key: str, data: bytes) -> bool:
    """Store an object where there is none (S3 API Reference, PutObject, ``If-None-Match``)."""
    try:
        with s3_errors(connection.where(key)):
            connection.client.put_object(
                Bucket=connection.bucket,
                Key=key,
                Body=data,
                ContentLength=len(data),
                IfNoneMatch="*",
                **connection.storing,
            )
    except Unavailable as error:
        if code(error.__cause__) == EXISTS:
            return False
        raise
    return True


def store(connection: Connection, key: str, chunks: Iterable[bytes], empty: bool) -> int:
    """Store a stream, in parts if it is large, and give its size in bytes.

    :param empty: whether a stream without bytes makes an object.
    """
    parts = cut(chunks)
    first = next(parts, None)
    if first is None:
        if empty:
            put(connection, key, b"")
        return 0
    if len(first) < part_bytes(0):
        try:
            put(connection, key, first)
        finally:
            first.release()
        return len(first)
    size = 0
    with multipart(connection, key) as upload:
        for part in itertools.chain([first], parts):
            upload.put(part)
            size += len(part)
    return size


def page(connection: Connection, prefix: str, **options: Any) -> ListObjectsV2OutputTypeDef:
    """List keys that begin with ``prefix``. A page may be short, or empty, while more follow."""
    with s3_errors(connection.where(prefix)):
        return connection.client.list_objects_v2(Bucket=connection.bucket, Prefix=prefix, **options)


def keys(answer: ListObjectsV2OutputTypeDef) -> list[str]:
    """Give the keys of a page."""
    return [one["Key"] for one in answer.get("Contents", [])]


def entries(
    connection: Connection, directory: str, after: str, limit: int
) -> Iterator[Sequence[str]]:
    """Give pages of what is directly below a directory, for ``drivers.flat``."""
    # One more, since the directory ``after`` itself is behind the key ``after``.
    options: dict[str, Any] = {"Delimiter": "/", "MaxKeys": min(limit + 1, PAGE)}
    if after:
        options["StartAfter"] = directory + after
    while True:
        answer = page(connection, directory, **options)
        below = [*keys(answer), *(one["Prefix"] for one in answer.get("CommonPrefixes", []))]
        yield sorted((key.removeprefix(directory) for key in below), key=str.encode)
        if not answer["IsTruncated"]:
            return
        options["ContinuationToken"] = answer["NextContinuationToken"]


def fingerprints(connection: Connection, directory: str) -> Iterator[tuple[str, str]]:
    """Give all that is below a directory, at any depth: its path from there and its ETag."""
    options: dict[str, Any] = {}
    while True:
        answer = page(connection, directory, **options)
        for one in answer.get("Contents", []):
            yield one["Key"].removeprefix(directory), one["ETag"]
        if not answer["IsTruncated"]:
            return
        options["ContinuationToken"] = answer["NextContinuationToken"]


def delete(connection: Connection, doomed: Sequence[str]) -> None:
    """Delete objects, which may be gone already."""
    if len(doomed) == 1:
        _delete_one(connection, doomed[0])
        return
    for start in range(0, len(doomed), PAGE):
        some = doomed[start : start + PAGE]
        with s3_errors(connection.where(some[0])):
            answer = connection.client.delete_objects(
                Bucket=connection.bucket,
                Delete={"Objects": [{"Key": key} for key in some], "Quiet": True},
            )
        # RGW fails for keys that somebody else is deleting; one at a time they are only gone.
        for error in answer.get("Errors", []):
            _delete_one(connection, error["Key"])


def _delete_one(connection: Connection, key: str) -> None:
    with s3_errors(connection.where(key)):
        connection.client.delete_object(Bucket=connection.bucket, Key=key)
