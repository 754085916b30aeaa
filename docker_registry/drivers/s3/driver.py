"""Objects under keys of a bucket."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from docker_registry.drivers import flat
from docker_registry.drivers.base import Driver, Stat, UploadState
from docker_registry.drivers.s3 import copies, objects
from docker_registry.drivers.s3 import settings as reading
from docker_registry.drivers.s3.advice import advise
from docker_registry.drivers.s3.client import Connection, Store
from docker_registry.drivers.s3.copies import Piece
from docker_registry.drivers.s3.errors import code, s3_errors
from docker_registry.drivers.s3.reader import OUT_OF_RANGE, S3Reader, full_size, get
from docker_registry.errors import PathNotFound, Unavailable

if TYPE_CHECKING:
    from docker_registry.config import Settings


class S3Driver(Driver):
    """A bucket, or what lies under a prefix in one.

    Objects appear whole at their keys: by one PUT, or by a multipart upload of which nothing is
    visible before it completes. Writes replace what is there: a key is named after its content, or
    the last writer is right. Only ``create`` is conditional.

    :param store: the bucket and how it is reached.
    """

    name = "s3"

    def __init__(self, store: Store) -> None:
        self._connection = Connection(store)
        self._prefix = store.prefix

    @classmethod
    def from_settings(cls, settings: Settings) -> S3Driver:
        """Take the keys that begin with ``s3_`` and ``boto_``, and those of every store.

        Configurations of 0.9 say ``s3`` for CloudFront, too.
        """
        if settings.boto_debug:
            logging.getLogger("botocore").setLevel(logging.DEBUG)
        if cls is S3Driver and settings.cloudfront.base:
            from docker_registry.drivers.s3.cloudfront import CloudFrontDriver  # noqa: PLC0415

            return CloudFrontDriver.from_settings(settings)
        return cls(reading.store(settings))

    def get_content(self, path: str) -> bytes:
        """GET the object."""
        with self.reader(path) as reader:
            return b"".join(reader)

    def put_content(self, path: str, data: bytes) -> None:
        """PUT the object."""
        objects.put(self._connection, self._key(path), data)

    def create(self, path: str, data: bytes) -> bool:
        """PUT the object on the condition that there is none."""
        return objects.create(self._connection, self._key(path), data)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> S3Reader:
        """GET the object, or the range."""
        return S3Reader(self._connection, self._key(path), offset, length)

    def stat(self, path: str) -> Stat:
        """GET the first byte: the answer to a HEAD can't tell a missing bucket from a missing key.

        Only an empty object needs a HEAD too, since it has no first byte.
        """
        key = self._key(path)
        where = self._connection.where(key)
        try:
            with s3_errors(where):
                answer = get(self._connection, key, 0, 1)
                answer["Body"].read()
        except Unavailable as error:
            if code(error.__cause__) != OUT_OF_RANGE:
                raise
            with s3_errors(where):
                found = self._connection.client.head_object(Bucket=self._connection.bucket, Key=key)
            return Stat(found["ContentLength"], found["LastModified"].timestamp())
        return Stat(full_size(answer, where), answer["LastModified"].timestamp())

    def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
        """List the keys below the directory, those further down as one entry."""
        directory = self._key(path) + "/" if path else self._prefix

        def holds(name: str) -> bool:
            return bool(
                objects.page(self._connection, f"{directory}{name}/", MaxKeys=1).get("KeyCount")
            )

        return flat.children(
            objects.entries(self._connection, directory, after, limit), holds, after, limit
        )

    def fingerprints(self, path: str) -> Iterator[tuple[str, str]]:
        """List the keys below the directory with their ETags.

        Only without encryption by keys of KMS are they the same for the same content (S3 API
        Reference, Object).
        """
        return objects.fingerprints(self._connection, f"{self._key(path)}/")

    def touch(self, path: str) -> None:
        """Copy the object onto itself."""
        key = self._key(path)
        copies.copy(self._connection, Piece(key, self.stat(path).size), key)

    def delete(self, path: str) -> None:
        """List what begins with the path, then delete what is meant.

        The object itself comes first, if it is one; before what is below a directory come its
        siblings that go on with one of the few characters below the slash.
        """
        key = self._key(path)
        page = objects.page(self._connection, key)
        keys = objects.keys(page)
        if key in keys[:1]:
            objects.delete(self._connection, [key])
            return
        below = [one for one in keys if one.startswith(f"{key}/")]
        if not below and page["IsTruncated"]:
            page = objects.page(self._connection, f"{key}/")
            below = objects.keys(page)
        if not below:
            raise PathNotFound(f"{self._connection.where(key)}: nothing there")
        objects.delete(self._connection, below)
        while page["IsTruncated"]:
            page = objects.page(self._connection, f"{key}/", StartAfter=below[-1])
            below = objects.keys(page) or below
            objects.delete(self._connection, objects.keys(page))

    def redirect_url(self, path: str, method: str, seconds: int) -> str | None:
        """Sign a URL of the object. One for a GET is of no use for a HEAD."""
        with s3_errors(self._connection.where(path)):
            return self._connection.signer.generate_presigned_url(
                "head_object" if method == "HEAD" else "get_object",
                Params={"Bucket": self._connection.bucket, "Key": self._key(path)},
                ExpiresIn=seconds,
            )

    def start_upload(self, path: str) -> UploadState:
        """Give the state of an upload without parts."""
        return {"path": path, "parts": [], "size": 0}

    def append(self, state: UploadState, chunks: Iterable[bytes]) -> UploadState:
        """Store a new object, under a name that no other append can choose."""
        name = f"part-{uuid.uuid4().hex}"
        size = objects.store(
            self._connection, self._key(f"{state['path']}/{name}"), chunks, empty=False
        )
        if not size:
            return state
        new = {"name": name, "size": size}
        return {**state, "parts": [*state["parts"], new], "size": state["size"] + size}

    def upload_content(self, state: UploadState) -> Iterator[bytes]:
        """Read the parts, one after another."""
        for piece in self._pieces(state):
            with S3Reader(self._connection, piece.key, 0, None) as reader:
                yield from reader

    def commit(self, state: UploadState, path: str) -> None:
        """Let the store copy the only part, or put several together."""
        pieces = self._pieces(state)
        key = self._key(path)
        if len(pieces) == 1:
            copies.copy(self._connection, pieces[0], key)
        else:
            copies.join(self._connection, pieces, key)

    def abort(self, state: UploadState) -> None:
        """Delete the parts."""
        objects.delete(self._connection, [piece.key for piece in self._pieces(state)])

    def write(self, directory: str, chunks: Iterable[bytes], path: str) -> None:
        """PUT the object, or upload it in parts, at its key."""
        objects.store(self._connection, self._key(path), chunks, empty=True)

    def copy(self, directory: str, source: str, target: str) -> None:
        """Let the store copy it."""
        copies.copy(
            self._connection, Piece(self._key(source), self.stat(source).size), self._key(target)
        )

    def sweep(self, before: float) -> int:
        """Abort multipart uploads that were begun earlier and never completed."""

        def old_ones() -> Iterator[tuple[str, str]]:
            client, bucket = self._connection.client, self._connection.bucket
            pages = client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=bucket, Prefix=self._prefix):
                for upload in page.get("Uploads", []):
                    if upload["Initiated"].timestamp() < before:
                        yield upload["Key"], upload["UploadId"]

        count = 0
        with s3_errors(self._connection.where(self._prefix)):
            for key, upload_id in old_ones():
                self._connection.client.abort_multipart_upload(
                    Bucket=self._connection.bucket, Key=key, UploadId=upload_id
                )
                count += 1
        return count

    def check(self) -> None:
        """List, store and delete an object; say which setting is to blame if that fails."""
        probe = self._key(f"check-{uuid.uuid4().hex}")
        with advise(self._connection.store):
            objects.page(self._connection, probe, MaxKeys=1)
            objects.put(self._connection, probe, b"check")
            objects.delete(self._connection, [probe])

    def _key(self, path: str) -> str:
        return self._prefix + path

    def _pieces(self, state: UploadState) -> Sequence[Piece]:
        return [
            Piece(self._key(f"{state['path']}/{part['name']}"), part["size"])
            for part in state["parts"]
        ]
