"""Upload sessions: bytes on their way to becoming a blob.

A session lives in the storage alone, so any worker on any node goes on with it. Its record is
replaced after each append; the driver's state in it names exactly the bytes that belong to the
session, so neither a crash nor a second client can mix others in.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from docker_registry.drivers.base import Driver, UploadState
from docker_registry.errors import (
    BlobUploadUnknown,
    DigestInvalid,
    PathNotFound,
    RangeInvalid,
    StorageError,
)
from docker_registry.registry import layout
from docker_registry.registry.blobs import Blobs
from docker_registry.registry.names import CANONICAL, Digest, RepositoryName, UploadId

if TYPE_CHECKING:
    from hashlib import _Hash

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UploadSession:
    """An upload as far as it has come.

    :ivar owner: who began it, and alone may go on: the key of an identity, empty for nobody in
        particular.
    :ivar offset: bytes received and stored.
    :ivar algorithm: what the bytes are hashed with as they come.
    :ivar digest: of all bytes so far, where it was computed as they came.
    :ivar started: seconds since the epoch.
    :ivar updated: seconds since the epoch.
    :ivar state: the driver's.
    """

    repository: RepositoryName
    id: UploadId
    owner: str
    offset: int
    algorithm: str
    digest: Digest | None
    started: float
    updated: float
    state: UploadState


class Uploads:
    """The upload sessions of all repositories."""

    def __init__(self, driver: Driver, blobs: Blobs) -> None:
        self._driver = driver
        self._blobs = blobs

    def start(
        self, repository: RepositoryName, algorithm: str = CANONICAL, owner: str = ""
    ) -> UploadSession:
        """Begin a session whose bytes will be hashed with ``algorithm`` as they come."""
        session = self._new(repository, algorithm, owner)
        self._save(session)
        return session

    def get(self, repository: RepositoryName, upload: UploadId) -> UploadSession:
        """Give a session; ``BlobUploadUnknown`` if it is not in this repository."""
        try:
            record = json.loads(self._driver.get_content(layout.upload_session(repository, upload)))
        except (PathNotFound, ValueError):
            raise _unknown(upload) from None
        return _from_record(repository, upload, record)

    def get_own(self, repository: RepositoryName, upload: UploadId, owner: str) -> UploadSession:
        """Give a session that ``owner`` began in this repository; else ``BlobUploadUnknown``.

        An id that became known must be of no use to others. A session of before there were owners
        is nobody's in particular, so that who has to log in since then begins anew.
        """
        session = self.get(repository, upload)
        if session.owner != owner:
            raise _unknown(upload)
        return session

    def append(
        self, session: UploadSession, chunks: Iterable[bytes], offset: int | None = None
    ) -> UploadSession:
        """Add bytes to a session.

        When ``chunks`` raises, what came before is kept, and the error goes on to the caller.

        :param offset: where the client means these bytes to begin; any by default.
        :raises RangeInvalid: the session is not at that offset.
        """
        _check_offset(session, offset)
        intake = _Intake(chunks, session)
        grown = self._take(session, intake)
        self._save(grown)
        intake.complain()
        return grown

    def finish(
        self,
        session: UploadSession,
        digest: Digest,
        chunks: Iterable[bytes] = (),
        offset: int | None = None,
    ) -> int:
        """Add the last bytes, check the digest, and make the blob visible in the repository.

        Gives the blob's size in bytes. It is durable on return, and the session is gone.

        :param offset: where the client means these bytes to begin; any by default.
        :raises DigestInvalid: the bytes have another digest; the session is gone too.
        :raises RangeInvalid: the session is not at that offset.
        """
        _check_offset(session, offset)
        if session.offset == 0:
            return self._finish_whole(session, digest, chunks)
        intake = _Intake(chunks, session)
        grown = self._take(session, intake)
        if intake.failure is not None:
            self._save(grown)
            intake.complain()
        return self._publish(grown, digest)

    def push(self, repository: RepositoryName, digest: Digest, chunks: Iterable[bytes]) -> int:
        """Store a blob that comes in one piece, without a session that could be resumed."""
        return self._write(repository, UploadId.new(), digest, chunks)

    def cancel(self, session: UploadSession) -> None:
        """Drop a session with its bytes."""
        self._driver.abort(session.state)
        self._remove_directory(session.repository, session.id)

    def iterate(self, repository: RepositoryName) -> Iterator[UploadId]:
        """Give the ids of all sessions in a repository."""
        for name in self._driver.iterate(layout.uploads(repository)):
            try:
                yield UploadId.parse(name)
            except BlobUploadUnknown:
                continue

    def last_change(self, repository: RepositoryName, upload: UploadId) -> float:
        """Give when anything of a session was last stored, in seconds since the epoch.

        Works for what a crash left without a record too; 0 when there is nothing at all.
        """
        return self._newest(layout.upload(repository, upload))

    def remove(self, repository: RepositoryName, upload: UploadId) -> None:
        """Drop whatever is left of a session, whether it can be read or not."""
        try:
            self.cancel(self.get(repository, upload))
        except BlobUploadUnknown:
            self._remove_directory(repository, upload)

    def _new(self, repository: RepositoryName, algorithm: str, owner: str) -> UploadSession:
        upload = UploadId.new()
        now = time.time()
        state = self._driver.start_upload(layout.upload(repository, upload))
        empty = Digest.of(b"", algorithm)
        return UploadSession(repository, upload, owner, 0, algorithm, empty, now, now, state)

    def _take(self, session: UploadSession, intake: _Intake) -> UploadSession:
        try:
            state = self._driver.append(session.state, intake)
        except PathNotFound:
            raise _unknown(session.id) from None
        return replace(
            session,
            offset=session.offset + intake.size,
            digest=intake.digest(),
            updated=time.time(),
            state=state,
        )

    def _finish_whole(self, session: UploadSession, digest: Digest, chunks: Iterable[bytes]) -> int:
        try:
            size = self._write(session.repository, session.id, digest, chunks)
        except DigestInvalid:
            self.cancel(session)
            raise
        self._forget(session)
        return size

    def _write(
        self,
        repository: RepositoryName,
        upload: UploadId,
        digest: Digest,
        chunks: Iterable[bytes],
    ) -> int:
        """Stream a whole blob to where it belongs: with its digest known, nothing is moved."""
        verified = _Verified(chunks, digest)
        self._driver.write(layout.upload(repository, upload), verified, layout.blob(digest))
        self._blobs.add(repository, digest, verified.size)
        return verified.size

    def _publish(self, session: UploadSession, digest: Digest) -> int:
        try:
            found = session.digest
            if found is None or found.algorithm != digest.algorithm:
                found = self._hash_again(session, digest.algorithm)
            if found != digest:
                self.cancel(session)
                raise _other_digest(digest, found, session.offset)
            self._driver.commit(session.state, layout.blob(digest))
        except PathNotFound:
            raise _unknown(session.id) from None
        self._blobs.add(session.repository, digest, session.offset)
        self._forget(session)
        return session.offset

    def _forget(self, session: UploadSession) -> None:
        try:
            self._remove_directory(session.repository, session.id)
        except StorageError as error:
            # The blob is stored: what is left of the session is for the purge.
            log.warning("the finished upload %s could not be removed: %s", session.id, error)

    def _hash_again(self, session: UploadSession, algorithm: str) -> Digest:
        running = hashlib.new(algorithm)
        for chunk in self._driver.upload_content(session.state):
            running.update(chunk)
        return Digest.of_hash(running)

    def _newest(self, directory: str) -> float:
        """Give when anything below a directory was last stored; 0 when there is nothing."""
        newest = 0.0
        for name in self._driver.iterate(directory):
            path = f"{directory}/{name}"
            try:
                modified = self._driver.stat(path).modified
            except PathNotFound:
                # Distribution has directories in a session.
                modified = self._newest(path)
            newest = max(newest, modified)
        return newest

    def _remove_directory(self, repository: RepositoryName, upload: UploadId) -> None:
        try:
            self._driver.delete(layout.upload(repository, upload))
        except PathNotFound:
            return

    def _save(self, session: UploadSession) -> None:
        record = {
            "owner": session.owner,
            "offset": session.offset,
            "algorithm": session.algorithm,
            "digest": session.digest,
            "started": session.started,
            "updated": session.updated,
            "state": session.state,
        }
        path = layout.upload_session(session.repository, session.id)
        self._driver.put_transient(path, json.dumps(record).encode())


class _Intake:
    """The bytes of one request on their way to the driver: counted and hashed.

    An error of the source ends the bytes instead of going through the driver, so that what came
    is stored like any other; ``complain`` raises it afterwards.
    """

    def __init__(self, chunks: Iterable[bytes], session: UploadSession) -> None:
        self.size = 0
        self.failure: Exception | None = None
        self._chunks = chunks
        self._digest = session.digest
        # A hash can't be taken up in the middle: see Uploads.finish.
        self._running: _Hash | None = (
            hashlib.new(session.algorithm) if session.offset == 0 else None
        )

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks:
                if self._running is not None:
                    self._running.update(chunk)
                self.size += len(chunk)
                yield chunk
        except Exception as error:
            self.failure = error

    def digest(self) -> Digest | None:
        """Give the digest of all bytes of the session, if it is known without reading them."""
        if self._running is not None:
            return Digest.of_hash(self._running)
        return self._digest if self.size == 0 else None

    def complain(self) -> None:
        """Raise what the source raised, if it did."""
        if self.failure is not None:
            raise self.failure


class _Verified:
    """The bytes of a whole blob: counted, hashed, and refused at their end if they are others."""

    def __init__(self, chunks: Iterable[bytes], digest: Digest) -> None:
        self.size = 0
        self._chunks = chunks
        self._digest = digest

    def __iter__(self) -> Iterator[bytes]:
        running = hashlib.new(self._digest.algorithm)
        for chunk in self._chunks:
            running.update(chunk)
            self.size += len(chunk)
            yield chunk
        found = Digest.of_hash(running)
        if found != self._digest:
            raise _other_digest(self._digest, found, self.size)


def _other_digest(digest: Digest, found: Digest, size: int) -> DigestInvalid:
    return DigestInvalid(
        "the bytes that came have another digest: the upload is dropped, send it again",
        {"digest": digest, "received": found, "size": size},
    )


def _check_offset(session: UploadSession, offset: int | None) -> None:
    if offset is not None and offset != session.offset:
        raise RangeInvalid(
            f"the upload is at {session.offset} bytes: send the bytes from there on",
            {"offset": session.offset},
        )


def _from_record(repository: RepositoryName, upload: UploadId, record: Any) -> UploadSession:
    try:
        return UploadSession(
            repository,
            upload,
            str(record.get("owner", "")),
            int(record["offset"]),
            record["algorithm"],
            Digest(record["digest"]) if record["digest"] else None,
            float(record["started"]),
            float(record["updated"]),
            record["state"],
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        log.warning("the record of upload %s in %s can't be read", upload, repository)
        raise _unknown(upload) from None


def _unknown(upload: UploadId) -> BlobUploadUnknown:
    return BlobUploadUnknown(
        "there is no such upload in this repository: it was finished, cancelled or never begun",
        {"upload": upload},
    )
