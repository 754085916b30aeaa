"""An upload session, and its record in the storage."""

from __future__ import annotations

import json
from dataclasses import dataclass

from docker_registry.drivers.base import UploadState
from docker_registry.registry.names import Digest, RepositoryName, UploadId


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
    :ivar stored: the blob that has all bytes so far, where they went to it at once; else the driver
        has them in the session.
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
    stored: Digest | None = None

    def record(self) -> bytes:
        """Give what is kept of it, beside its place, which says the rest."""
        return json.dumps(
            {
                "owner": self.owner,
                "offset": self.offset,
                "algorithm": self.algorithm,
                "digest": self.digest,
                "started": self.started,
                "updated": self.updated,
                "state": self.state,
                "stored": self.stored,
            }
        ).encode()

    @classmethod
    def from_record(
        cls, repository: RepositoryName, upload: UploadId, content: bytes
    ) -> UploadSession:
        """Read a record; ``ValueError`` if it is none."""
        record = json.loads(content)
        try:
            return cls(
                repository,
                upload,
                str(record.get("owner", "")),
                int(record["offset"]),
                record["algorithm"],
                Digest(record["digest"]) if record["digest"] else None,
                float(record["started"]),
                float(record["updated"]),
                record["state"],
                Digest(record["stored"]) if record.get("stored") else None,
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"{error!r} in the record of an upload") from error
