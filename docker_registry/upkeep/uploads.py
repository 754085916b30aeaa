"""Upload sessions that nobody has gone on with are removed.

Distribution goes by the start of an upload, so that one which takes longer than the limit is cut
off; here it is the last change that counts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from docker_registry.registry import Registry
from docker_registry.registry.names import RepositoryName, UploadId

log = logging.getLogger(__name__)


class UploadPurge:
    """Finds and removes idle upload sessions.

    :param max_idle: seconds after the last change of a session.
    """

    name = "purge-uploads"

    def __init__(self, registry: Registry, max_idle: float) -> None:
        self._registry = registry
        self._max_idle = max_idle

    def due(self) -> Iterator[tuple[RepositoryName, UploadId]]:
        """Give the sessions that are to be removed."""
        oldest = time.time() - self._max_idle
        uploads = self._registry.uploads
        for repository in self._registry.repositories.iterate_uploading():
            for upload in uploads.iterate(repository):
                if uploads.last_change(repository, upload) < oldest:
                    yield repository, upload

    def run(self) -> int:
        """Remove them, and give their number."""
        removed = 0
        for repository, upload in self.due():
            self._registry.uploads.remove(repository, upload)
            removed += 1
            log.info("removed the idle upload %s of %s", upload, repository)
        return removed
