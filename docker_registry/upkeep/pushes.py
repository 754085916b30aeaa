"""Images of V1 whose pushes were given up are removed."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from docker_registry.legacy.names import ImageId
from docker_registry.legacy.store import LegacyStore

log = logging.getLogger(__name__)


class PushPurge:
    """Finds and removes images that never came whole; those of 0.9 itself stay, to be pushed anew.

    :param store: its ``max_age`` is how long a push may take.
    """

    name = "purge-v1-pushes"

    def __init__(self, store: LegacyStore) -> None:
        self._store = store

    def due(self) -> Iterator[ImageId]:
        """Give the images of which something is to be removed."""
        return self._store.pushes.abandoned()

    def remove(self, image: ImageId) -> None:
        """Remove an image, or what the push of one that came whole has left behind."""
        if self._store.pushes.purge(image):
            log.info("removed the image %s, whose push was given up", image)

    def run(self) -> int:
        """Remove them, and give their number."""
        removed = 0
        for image in self.due():
            self.remove(image)
            removed += 1
        return removed
