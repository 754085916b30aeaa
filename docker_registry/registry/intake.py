"""The bytes of a request on their way to a driver."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from docker_registry.errors import DigestInvalid
from docker_registry.registry.names import Digest
from docker_registry.registry.upload_session import UploadSession

if TYPE_CHECKING:
    from hashlib import _Hash


class Intake:
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
                del chunk  # It isn't held while the next one comes.
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


class Verified:
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
            del chunk
        found = Digest.of_hash(running)
        if found != self._digest:
            raise other_digest(self._digest, found, self.size)


def other_digest(digest: Digest, found: Digest, size: int) -> DigestInvalid:
    """Give the error for bytes that are not what they should be."""
    return DigestInvalid(
        "the bytes that came have another digest: the upload is dropped, send it again",
        {"digest": digest, "received": found, "size": size},
    )
