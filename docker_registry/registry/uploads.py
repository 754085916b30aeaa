"""Upload sessions: bytes on their way to becoming a blob.

A session lives in the storage alone, so any worker on any node goes on with it. Its record is
replaced after each append; the driver's state in it names exactly the bytes that belong to the
session, so neither a crash nor a second client can mix others in.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice

from docker_registry.drivers.base import Driver
from docker_registry.errors import (
    BlobUnknown,
    BlobUploadUnknown,
    DigestInvalid,
    PathNotFound,
    RangeInvalid,
    StorageError,
)
from docker_registry.registry import layout
from docker_registry.registry.blobs import Blobs
from docker_registry.registry.intake import Intake, Verified, other_digest
from docker_registry.registry.names import CANONICAL, Digest, RepositoryName, UploadId
from docker_registry.registry.shared_uploads import Incoming, SharedUploads
from docker_registry.registry.upload_session import UploadSession

log = logging.getLogger(__name__)


class Uploads:
    """The upload sessions of all repositories.

    :param shared: finds out which uploads are of the same bytes, if anything does.
    """

    def __init__(self, driver: Driver, blobs: Blobs, shared: SharedUploads | None = None) -> None:
        self._driver = driver
        self._blobs = blobs
        self._shared = shared

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
            record = self._driver.get_content(layout.upload_session(repository, upload))
            return UploadSession.from_record(repository, upload, record)
        except PathNotFound:
            raise _unknown(upload) from None
        except ValueError as error:
            log.warning("upload %s in %s can't be read: %s", upload, repository, error)
            raise _unknown(upload) from None

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
        session = self._in_parts(session)
        intake = Intake(chunks, session)
        # Who says where bytes begin sends a blob in several requests.
        if self._shared is None or session.offset or offset is not None:
            grown = self._take(session, intake, intake)
        else:
            with self._shared.receive(intake) as incoming:
                grown = self._take_once(session, intake, incoming)
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
        if session.stored is not None:
            chunks = iter(chunks)
            more = list(islice(chunks, 1))
            if session.stored == digest and not more:
                return self._finish_stored(session, digest)
            session, chunks = self._in_parts(session), chain(more, chunks)
        intake = Intake(chunks, session)
        grown = self._take(session, intake, intake)
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

    def _in_parts(self, session: UploadSession) -> UploadSession:
        """Give the driver the bytes of a session that are a blob, so that others can follow."""
        if session.stored is None:
            return session
        try:
            with self._blobs.open(session.stored) as reader:
                state = self._driver.append(session.state, reader)
        except (BlobUnknown, PathNotFound):
            raise _unknown(session.id) from None
        return replace(session, state=state, stored=None)

    def _take_once(
        self, session: UploadSession, intake: Intake, incoming: Incoming
    ) -> UploadSession:
        """Take bytes that may be a whole blob, and that others may send as well."""
        if not incoming.is_held or intake.failure is not None:
            return self._take(session, intake, incoming)
        digest = intake.digest()
        assert digest is not None, "the session was empty"
        self._store_once(session.repository, session.id, digest, incoming)
        return replace(
            session, offset=intake.size, digest=digest, updated=time.time(), stored=digest
        )

    def _take(
        self, session: UploadSession, intake: Intake, chunks: Iterable[bytes]
    ) -> UploadSession:
        """Give the driver the bytes of an intake.

        :param chunks: by which they come.
        """
        try:
            state = self._driver.append(session.state, chunks)
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
        verified = Verified(chunks, digest)
        with self._driver.in_order():
            if self._shared is None:
                self._store(repository, upload, digest, verified)
            else:
                with self._shared.receive(verified) as incoming:
                    if incoming.is_held:
                        self._store_once(repository, upload, digest, incoming)
                    else:
                        self._store(repository, upload, digest, incoming)
            self._blobs.add(repository, digest, verified.size)
        return verified.size

    def _store(
        self,
        repository: RepositoryName,
        upload: UploadId,
        digest: Digest,
        chunks: Iterable[bytes],
    ) -> None:
        self._driver.write(layout.upload(repository, upload), chunks, layout.blob(digest))

    def _store_once(
        self, repository: RepositoryName, upload: UploadId, digest: Digest, incoming: Incoming
    ) -> None:
        incoming.store_once(
            digest,
            lambda: self._blobs.is_stored(digest),
            lambda: self._store(repository, upload, digest, incoming),
        )

    def _finish_stored(self, session: UploadSession, digest: Digest) -> int:
        """Give the repository the blob, whose bytes are where they belong."""
        if not self._blobs.is_stored(digest):
            raise _unknown(session.id)
        self._blobs.add(session.repository, digest, session.offset)
        self._forget(session)
        return session.offset

    def _publish(self, session: UploadSession, digest: Digest) -> int:
        try:
            found = session.digest
            if found is None or found.algorithm != digest.algorithm:
                found = self._hash_again(session, digest.algorithm)
            if found != digest:
                self.cancel(session)
                raise other_digest(digest, found, session.offset)
            with self._driver.in_order():
                self._driver.commit(session.state, layout.blob(digest))
                self._blobs.add(session.repository, digest, session.offset)
        except PathNotFound:
            raise _unknown(session.id) from None
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
        self._driver.discard(layout.upload(repository, upload))

    def _save(self, session: UploadSession) -> None:
        path = layout.upload_session(session.repository, session.id)
        self._driver.put_transient(path, session.record())


def _check_offset(session: UploadSession, offset: int | None) -> None:
    if offset is not None and offset != session.offset:
        raise RangeInvalid(
            f"the upload is at {session.offset} bytes: send the bytes from there on",
            {"offset": session.offset},
        )


def _unknown(upload: UploadId) -> BlobUploadUnknown:
    return BlobUploadUnknown(
        "there is no such upload in this repository: it was finished, cancelled or never begun",
        {"upload": upload},
    )
