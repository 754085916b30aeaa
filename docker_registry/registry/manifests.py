"""Manifests: stored as blobs, linked into repositories."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby

from docker_registry.drivers.base import Driver
from docker_registry.drivers.concurrency import side_by_side
from docker_registry.errors import (
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    PathNotFound,
)
from docker_registry.registry import layout
from docker_registry.registry.blobs import Blobs
from docker_registry.registry.cache import ManifestCache
from docker_registry.registry.events import Events
from docker_registry.registry.links import read_link, write_link
from docker_registry.registry.manifest import Descriptor, Manifest
from docker_registry.registry.manifest_urls import LayerUrls
from docker_registry.registry.names import ALGORITHMS, Digest, RepositoryName, Tag
from docker_registry.registry.referrers import Referrers, fallback_tag
from docker_registry.registry.tags import Tags

log = logging.getLogger(__name__)


class Manifests:
    """The manifests of all repositories.

    :param sparse_indexes: whether a manifest may name what is not in the repository.
    :param layer_urls: which URLs a manifest may have for its layers.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        blobs: Blobs,
        tags: Tags,
        referrers: Referrers,
        cache: ManifestCache,
        events: Events,
        sparse_indexes: bool,
        layer_urls: LayerUrls,
    ) -> None:
        self._driver = driver
        self._blobs = blobs
        self._tags = tags
        self._referrers = referrers
        self._cache = cache
        self._events = events
        self._sparse_indexes = sparse_indexes
        self._layer_urls = layer_urls

    def get(self, repository: RepositoryName, reference: Tag | Digest) -> Manifest:
        """Give a manifest by tag or digest; ``ManifestUnknown`` if it is not in the repository."""
        if isinstance(reference, Digest):
            return self._get(repository, reference)
        digest = self._tags.get(repository, reference)
        # A tag says as well as a link that the manifest is in the repository.
        return self._cache.get(digest) or self._get(repository, digest)

    def has(self, repository: RepositoryName, digest: Digest) -> bool:
        """Whether a manifest is in a repository."""
        try:
            # A link of no length is what others left after a crash; see links.py.
            return self._driver.stat(layout.revision_link(repository, digest)).size > 0
        except PathNotFound:
            return False

    def iterate(self, repository: RepositoryName) -> Iterator[Digest]:
        """Give the digests of all manifests in a repository."""
        for algorithm, length in ALGORITHMS.items():
            for value in self._driver.iterate(layout.revisions(repository, algorithm)):
                if len(value) == length:
                    yield Digest(f"{algorithm}:{value}")

    def referring_to(
        self, repository: RepositoryName, subject: Digest, after: Digest | None = None
    ) -> Iterator[Descriptor]:
        """Give the descriptors of a subject's referrers, in order, beginning behind ``after``.

        They are those that were pushed here, and those that clients of a registry without
        referrers listed in an index under the fallback tag.
        """
        known = self._referrers.iterate(repository, subject, after)
        listed = self._fallback(repository, subject, after or "")
        for digest, _ in groupby(heapq.merge(known, listed)):
            try:
                yield self._get(repository, digest).descriptor()
            except ManifestUnknown:
                continue

    def put(self, repository: RepositoryName, manifest: Manifest, tags: Sequence[Tag]) -> None:
        """Store a manifest in a repository and point tags to it, durably.

        :raises ManifestBlobUnknown: it refers to content that is not in the repository.
        :raises ManifestInvalid: a layer has a URL that isn't allowed.
        :raises TagWrittenOnce: a tag points to another one, and can't be moved.
        """
        for tag in tags:
            self._tags.check(repository, tag, manifest.digest)
        self._layer_urls.check(manifest)
        self._check_references(repository, manifest)
        with self._driver.in_order():
            self._store(repository, manifest, tags)
        try:
            self._check_references(repository, manifest)
        except ManifestBlobUnknown:
            # They were deleted meanwhile, perhaps with the whole repository. A tag that is written
            # once stays, since who pushes may not delete one; to push the blobs again mends it.
            if not any(self._tags.written_once(repository, manifest.digest)):
                with suppress(ManifestUnknown):
                    self.delete(repository, manifest.digest)
            raise
        self._cache.put(manifest)
        self._events.announce(
            self._events.manifest_pushed,
            repository=repository,
            manifest=manifest,
            tags=tuple(tags),
        )
        for tag in tags:
            self._events.announce(
                self._events.tag_pushed, repository=repository, tag=tag, manifest=manifest
            )

    def delete(self, repository: RepositoryName, digest: Digest) -> None:
        """Take a manifest, and each tag that points to it, out of a repository.

        One whose content is lost can be taken out, too.

        :raises ManifestUnknown: it is not in the repository.
        """
        subject = self._subject(repository, digest)
        self._untag(repository, digest)
        if subject:
            self._referrers.remove(repository, subject.digest, digest)
        try:
            self._driver.delete(layout.revision_link(repository, digest))
        except PathNotFound:
            raise _unknown(digest) from None
        # A tag that was put since the first look would dangle; one put from now on finds the
        # manifest missing and puts it back.
        self._untag(repository, digest)
        self._events.announce(self._events.manifest_deleted, repository=repository, digest=digest)

    def delete_tag(self, repository: RepositoryName, tag: Tag) -> None:
        """Remove a tag; ``ManifestUnknown`` if there is no such tag. The manifest stays."""
        self._tags.delete(repository, tag)
        self._events.announce(self._events.tag_deleted, repository=repository, tag=tag)

    def _store(self, repository: RepositoryName, manifest: Manifest, tags: Sequence[Tag]) -> None:
        self._driver.put_content(layout.blob(manifest.digest), manifest.content)
        link = layout.revision_link(repository, manifest.digest)
        write_link(self._driver, link, manifest.digest)
        if manifest.subject:
            self._referrers.add(repository, manifest.subject.digest, manifest.digest)
        for tag in tags:
            self._tags.put(repository, tag, manifest.digest)
        if tags and not self.has(repository, manifest.digest):
            # A delete that came in between did not see the tags: they must not dangle.
            write_link(self._driver, link, manifest.digest)

    def _subject(self, repository: RepositoryName, digest: Digest) -> Descriptor | None:
        """Give the subject of a manifest, if it has one that can still be read."""
        try:
            return self._get(repository, digest).subject
        except ManifestUnknown:
            if not self.has(repository, digest):
                raise
            return None

    def _fallback(self, repository: RepositoryName, subject: Digest, after: str) -> list[Digest]:
        """Give what the index under a subject's fallback tag lists behind ``after``, in order."""
        try:
            index = self.get(repository, fallback_tag(subject))
        except ManifestUnknown:
            return []
        return sorted(child.digest for child in index.manifests if child.digest > after)

    def _untag(self, repository: RepositoryName, digest: Digest) -> None:
        for tag in self._tags.pointing_to(repository, digest):
            try:
                self.delete_tag(repository, tag)
            except ManifestUnknown:
                continue

    def _get(self, repository: RepositoryName, digest: Digest) -> Manifest:
        cached = self._cache.get(digest)
        if cached is not None:
            if not self.has(repository, digest):
                raise _unknown(digest)
            return cached
        stored = read_link(self._driver, layout.revision_link(repository, digest))
        if stored is None:
            raise _unknown(digest)
        manifest = self._load(digest, stored)
        self._cache.put(manifest)
        return manifest

    def _load(self, digest: Digest, stored: Digest) -> Manifest:
        try:
            content = self._driver.get_content(layout.blob(stored))
        except PathNotFound:
            raise _unknown(digest) from None
        if Digest.of(content, digest.algorithm) != digest:
            log.error("the stored manifest %s has other content than its digest says", digest)
            raise _unknown(digest)
        try:
            return Manifest.parse(content, digest)
        except ManifestInvalid as error:
            raise ManifestUnknown(error.message, {"digest": digest}) from None

    def _check_references(self, repository: RepositoryName, manifest: Manifest) -> None:
        if self._sparse_indexes:
            return
        blobs = [manifest.config] if manifest.config else []
        blobs += [layer for layer in manifest.layers if not layer.is_kept_elsewhere]
        checks: dict[Digest, Callable[[RepositoryName, Digest], bool]] = {
            **{blob.digest: self._blobs.has for blob in blobs},
            **{child.digest: self.has for child in manifest.manifests},
        }
        found = side_by_side(
            self._driver, lambda digest: checks[digest](repository, digest), checks
        )
        missing = [digest for digest, there in zip(checks, found, strict=True) if not there]
        if missing:
            raise ManifestBlobUnknown(missing)


def _unknown(digest: Digest) -> ManifestUnknown:
    return ManifestUnknown("the manifest is not in this repository", {"digest": digest})
