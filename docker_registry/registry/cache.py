"""A cache of immutable content in this process."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from docker_registry.registry.manifest import Manifest
from docker_registry.registry.names import Digest


class ManifestCache:
    """Parsed manifests by digest, least recently used first out.

    Only for what a digest names, which never changes. Whether a manifest is (still) in a
    repository is never answered from here.

    :param budget: how many bytes of manifests to keep; 0 keeps none.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._held = 0
        self._manifests: OrderedDict[Digest, Manifest] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: Digest) -> Manifest | None:
        """Give a manifest that is held."""
        with self._lock:
            manifest = self._manifests.get(digest)
            if manifest is not None:
                self._manifests.move_to_end(digest)
            return manifest

    def put(self, manifest: Manifest) -> None:
        """Hold a manifest, if it fits, and let go of the oldest ones that no longer do."""
        if len(manifest.content) > self._budget:
            return
        with self._lock:
            if manifest.digest in self._manifests:
                return
            self._manifests[manifest.digest] = manifest
            self._held += len(manifest.content)
            while self._held > self._budget:
                _, dropped = self._manifests.popitem(last=False)
                self._held -= len(dropped.content)
