"""Multipart uploads: the parts run in parallel, and nothing is visible before the end."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress

from docker_registry.drivers.parts import Part
from docker_registry.drivers.s3.client import Connection
from docker_registry.drivers.s3.errors import s3_errors, status
from docker_registry.errors import StorageError

#: How many parts of one upload are on their way while the next one fills.
PARTS_IN_FLIGHT = 3
#: Metadata by which an object is known to come from one certain upload.
MARK = "upload"


@contextmanager
def multipart(connection: Connection, key: str) -> Iterator[Multipart]:
    """Upload parts to ``key`` in the block, and complete the upload at its end.

    If the block raises, or a part fails, the upload is aborted.
    """
    upload = Multipart(connection, key)
    try:
        yield upload
        upload.join()
    except BaseException:
        upload.abort()
        raise
    upload.complete()


class Multipart:
    """One multipart upload. Its methods are for one thread."""

    def __init__(self, connection: Connection, key: str) -> None:
        self._connection = connection
        self._key = key
        self._where = connection.where(key)
        self._mark = uuid.uuid4().hex
        self._parts: list[Future[str]] = []
        with s3_errors(self._where):
            answer = connection.client.create_multipart_upload(
                Bucket=connection.bucket,
                Key=key,
                Metadata={MARK: self._mark},
                **connection.storing,
            )
        self._id = answer["UploadId"]

    def put(self, part: Part) -> None:
        """Upload a part in another thread; wait first while too many are on their way."""
        self._submit(lambda number: self._put(number, part))

    def copy(self, source: str, first: int, last: int | None) -> None:
        """Copy a part from the bytes ``first`` to ``last`` of another object, or all of it."""
        self._submit(lambda number: self._copy(number, source, first, last))

    def join(self) -> None:
        """Wait for all parts, and raise what went wrong with one of them."""
        for part in self._parts:
            part.result()

    def complete(self) -> None:
        """Make the parts an object.

        The SDK repeats the request when there is no clear answer. The store then may have done it
        already, and say of the second request only that there is no such upload: so the object
        itself tells how it went (RGW 16 answers 500 InternalError).
        """
        parts = [
            {"ETag": part.result(), "PartNumber": number}
            for number, part in enumerate(self._parts, 1)
        ]
        try:
            with s3_errors(self._where):
                self._connection.client.complete_multipart_upload(
                    Bucket=self._connection.bucket,
                    Key=self._key,
                    UploadId=self._id,
                    MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
                )
        except StorageError as error:
            if self._is_there():
                return
            # Without a clear refusal the store may still be at it, and an abort would take the
            # parts from under it: then the upload is left to the sweep.
            if 400 <= status(error.__cause__) < 500:
                self.abort()
            raise

    def abort(self) -> None:
        """Remove the upload with its parts, as far as the store can be reached."""
        for part in self._parts:
            part.cancel()
        # A part that arrives after the abort would stay.
        wait(self._parts)
        with suppress(StorageError), s3_errors(self._where):
            self._connection.client.abort_multipart_upload(
                Bucket=self._connection.bucket, Key=self._key, UploadId=self._id
            )

    def _submit(self, work: Callable[[int], str]) -> None:
        if len(self._parts) >= PARTS_IN_FLIGHT:
            self._parts[-PARTS_IN_FLIGHT].result()
        number = len(self._parts) + 1
        self._parts.append(self._connection.workers.submit(work, number))

    def _put(self, number: int, part: Part) -> str:
        try:
            with s3_errors(self._where):
                return self._connection.client.upload_part(
                    Bucket=self._connection.bucket,
                    Key=self._key,
                    UploadId=self._id,
                    PartNumber=number,
                    Body=part,  # type: ignore[arg-type]
                    ContentLength=len(part),
                )["ETag"]
        finally:
            part.release()

    def _copy(self, number: int, source: str, first: int, last: int | None) -> str:
        whole = {} if last is None else {"CopySourceRange": f"bytes={first}-{last}"}
        with s3_errors(self._where):
            answer = self._connection.client.upload_part_copy(
                Bucket=self._connection.bucket,
                Key=self._key,
                UploadId=self._id,
                PartNumber=number,
                CopySource={"Bucket": self._connection.bucket, "Key": source},
                **whole,  # type: ignore[arg-type]
            )
        return answer["CopyPartResult"]["ETag"]

    def _is_there(self) -> bool:
        with suppress(StorageError), s3_errors(self._where):
            found = self._connection.client.head_object(
                Bucket=self._connection.bucket, Key=self._key
            )
            return found["Metadata"].get(MARK) == self._mark
        return False
