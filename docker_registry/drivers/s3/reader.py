"""Reading objects: one request, and more only if the connection breaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from docker_registry.drivers.base import CHUNK_BYTES, Reader
from docker_registry.drivers.s3.client import Connection
from docker_registry.drivers.s3.errors import code, s3_errors
from docker_registry.errors import Unavailable

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef

#: RFC 9110, section 15.5.17.
OUT_OF_RANGE = "InvalidRange"


class S3Reader(Reader):
    """The answer to a GET, as it comes.

    When it breaks off, it is taken up again where it was, if the object has the same ETag still.
    """

    def __init__(self, connection: Connection, key: str, offset: int, length: int | None) -> None:
        self._connection = connection
        self._key = key
        self._where = connection.where(key)
        self._body: StreamingBody | None = None
        self._at = offset
        self.length = 0
        if length != 0:
            self._open(length)
        if self._body is None:
            # Nothing to read, but the size is wanted.
            with s3_errors(self._where):
                found = connection.client.head_object(Bucket=connection.bucket, Key=key)
            self.size = found["ContentLength"]

    def __iter__(self) -> Iterator[bytes]:
        left, failures = self.length, 0
        while left:
            try:
                data = self._read(min(left, CHUNK_BYTES))
            except Unavailable:
                failures += 1
                if failures >= self._connection.attempts:
                    raise
                self._resume(left)
                continue
            failures = 0
            self._at += len(data)
            left -= len(data)
            yield data

    def close(self) -> None:
        """Let the connection go: for others if all was read, else close it."""
        if self._body is not None:
            self._body.close()

    def _open(self, length: int | None) -> None:
        whole = self._at == 0 and length is None
        try:
            with s3_errors(self._where):
                answer = get(self._connection, self._key, self._at, length)
        except Unavailable as error:
            if code(error.__cause__) != OUT_OF_RANGE:
                raise
            return
        self._body = answer["Body"]
        self._etag = answer["ETag"]
        self.length = answer["ContentLength"]
        self.size = self.length if whole else full_size(answer, self._where)

    def _read(self, size: int) -> bytes:
        assert self._body is not None, "there is a body while bytes are missing"
        with s3_errors(self._where):
            data = self._body.read(size)
        if not data:
            raise Unavailable(f"{self._where}: the answer ended before its end")
        return data

    def _resume(self, length: int) -> None:
        self.close()
        with s3_errors(self._where):
            self._body = get(self._connection, self._key, self._at, length, IfMatch=self._etag)[
                "Body"
            ]


def get(
    connection: Connection, key: str, offset: int, length: int | None, **conditions: Any
) -> GetObjectOutputTypeDef:
    """Ask for the bytes of an object from ``offset`` on, ``length`` of them or all.

    Raises the errors of the SDK.
    """
    if offset or length is not None:
        last = "" if length is None else offset + length - 1
        conditions["Range"] = f"bytes={offset}-{last}"
    return connection.client.get_object(Bucket=connection.bucket, Key=key, **conditions)


def full_size(answer: GetObjectOutputTypeDef, where: str) -> int:
    """Give the size of the object that an answer to a range is a part of."""
    size = answer.get("ContentRange", "").rpartition("/")[2]
    if not size.isdecimal():
        answer["Body"].close()
        raise Unavailable(f"{where}: asked for a range, the store did not say of what")
    return int(size)
