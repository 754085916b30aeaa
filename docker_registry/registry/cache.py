"""Caches of what never changes, in this process."""

from __future__ import annotations

import time
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


class SizeCache:
    """Sizes of blobs by digest, least recently used first out.

    A size never changes. Whether there (still) is such a blob is known only as of when it was put
    here, which is why an entry doesn't hold for long; what garbage collection takes was let alone
    for much longer.

    :param entries: how many sizes to keep.
    :param seconds: for which an entry holds.
    """

    def __init__(self, entries: int, seconds: float) -> None:
        self._entries = entries
        self._seconds = seconds
        self._sizes: OrderedDict[Digest, tuple[int, float]] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: Digest) -> int | None:
        """Give a size, in bytes, that still holds."""
        with self._lock:
            size, until = self._sizes.get(digest, (0, 0.0))
        return size if until > time.monotonic() else None

    def put(self, digest: Digest, size: int) -> None:
        """Hold the size of a blob that was just seen."""
        with self._lock:
            self._sizes[digest] = (size, time.monotonic() + self._seconds)
            self._sizes.move_to_end(digest)
            if len(self._sizes) > self._entries:
                self._sizes.popitem(last=False)

    def drop(self, digest: Digest) -> None:
        """Forget the size of a blob that turned out to be gone."""
        with self._lock:
            self._sizes.pop(digest, None)
