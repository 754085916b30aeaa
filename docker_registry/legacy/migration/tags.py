"""V1 tags, and all that they need, become tags of today."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from docker_registry.errors import ManifestUnknown, RegistryError
from docker_registry.legacy.errors import ImageUnknown, RepositoryUnknown
from docker_registry.legacy.images import Images
from docker_registry.legacy.migration.image import History, config_of, history_of, manifest_of
from docker_registry.legacy.migration.layers import Layers, has_blob
from docker_registry.legacy.migration.outcome import NotMigrated, Outcome, Result, Source, Target
from docker_registry.legacy.migration.records import Layer, TagRecords
from docker_registry.legacy.migration.targets import target_of
from docker_registry.legacy.names import DEFAULT_NAMESPACE, ImageId
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.legacy.repositories import Repositories
from docker_registry.registry import Registry
from docker_registry.registry.manifest import Manifest
from docker_registry.registry.names import Digest


@dataclass(frozen=True, slots=True)
class _Image:
    """A V1 image, ready to be migrated.

    :ivar line: the image and those it is built on, the base first.
    """

    top: dict[str, Any]
    line: list[tuple[ImageId, History]]


class Migration:
    """Migrates V1 tags one by one.

    :param watch: is told how many bytes of layers were read, as they come.
    """

    def __init__(self, registry: Registry, watch: Callable[[int], object]) -> None:
        self._registry = registry
        self._images = Images(registry.driver)
        self._repositories = Repositories(registry.driver)
        self._layers = Layers(registry, self._images, watch)
        self._records = TagRecords(registry.driver)
        # Of images that are whole: many tags share their parents.
        self._histories: dict[ImageId, History] = {}

    def repositories(self, wanted: Collection[str] = ()) -> Iterator[V1Name]:
        """Give the repositories of V1, or those of these names."""
        names = {name if "/" in name else f"{DEFAULT_NAMESPACE}/{name}" for name in wanted}
        for repository in self._repositories.iterate():
            if not names or str(repository) in names:
                yield repository

    def tags(self, repository: V1Name) -> list[Source]:
        """Give the tags of a repository."""
        try:
            return [Source(repository, tag) for tag in self._repositories.tags(repository)]
        except RepositoryUnknown:
            return []

    def migrate(self, source: Source) -> Outcome:
        """Migrate a tag, if that wasn't done before.

        :raises StorageError: a backend can't do it at the moment.
        """
        return self._attempt(source, self._migrate)

    def foresee(self, source: Source) -> Outcome:
        """Tell what ``migrate`` would do, as far as that is known without reading layers."""
        return self._attempt(source, self._foresee)

    def _attempt(self, source: Source, work: Callable[[Source, Target], Outcome]) -> Outcome:
        target = None
        try:
            target = target_of(source)
            return work(source, target)
        except NotMigrated as error:
            return Outcome(source, target, Result.FAILED, str(error))
        except RegistryError as error:
            return Outcome(source, target, Result.FAILED, error.message)

    def _migrate(self, source: Source, target: Target) -> Outcome:
        image = self._load(source.image)
        layers = [self._layers.get(target.repository, one) for one, _ in image.line]
        config, manifest = _documents(image, layers)
        result = self._check(source, target, manifest)
        if result is not Result.THERE:
            for (one, _), layer in zip(image.line, layers, strict=True):
                self._layers.place(target.repository, one, layer)
            digest = Digest.of(config)
            if not self._registry.blobs.has(target.repository, digest):
                self._registry.uploads.push(target.repository, digest, [config])
            self._records.add(target, source, manifest.digest)
            self._registry.manifests.put(target.repository, manifest, [target.tag])
        why = _notes(layers) if result is Result.MIGRATED else ""
        return Outcome(source, target, result, why, manifest.digest)

    def _foresee(self, source: Source, target: Target) -> Outcome:
        image = self._load(source.image)
        layers = [self._layers.known(one) for one, _ in image.line]
        known = [layer for layer in layers if layer is not None]
        if len(known) == len(layers):
            _, manifest = _documents(image, known)
            if self._check(source, target, manifest) is Result.THERE:
                return Outcome(source, target, Result.THERE, digest=manifest.digest)
        else:
            current = self._current(target)
            if current and current not in self._records.digests(target, source):
                raise _taken(target, current)
        why = f"{len(layers)} layers, {len(layers) - len(known)} of them to be read"
        return Outcome(source, target, Result.TO_MIGRATE, why)

    def _load(self, image: ImageId) -> _Image:
        """Look whether an image, and all it is built on, is there and whole."""
        try:
            line = self._images.ancestry(image)[::-1]
            top = self._images.document(image)
        except ImageUnknown:
            raise _missing(image) from None
        return _Image(top, [(one, self._history(one)) for one in line])

    def _history(self, image: ImageId) -> History:
        if image not in self._histories:
            if self._images.is_in_progress(image):
                raise NotMigrated(f"the push of the image {image} was never completed")
            try:
                self._histories[image] = history_of(self._images.document(image))
            except ImageUnknown:
                raise _missing(image) from None
        return self._histories[image]

    def _check(self, source: Source, target: Target, manifest: Manifest) -> Result:
        """Tell whether the tag is there already; ``NotMigrated`` if it is somebody else's."""
        current = self._current(target)
        if current == manifest.digest:
            return Result.THERE if self._is_whole(target, manifest) else Result.MIGRATED
        if current and current not in self._records.digests(target, source):
            raise _taken(target, current)
        return Result.MIGRATED

    def _current(self, target: Target) -> Digest | None:
        try:
            return self._registry.tags.get(target.repository, target.tag)
        except ManifestUnknown:
            return None

    def _is_whole(self, target: Target, manifest: Manifest) -> bool:
        registry, repository = self._registry, target.repository
        config = [manifest.config] if manifest.config else []
        return registry.manifests.has(repository, manifest.digest) and all(
            has_blob(registry, repository, blob.digest, blob.size)
            for blob in (*config, *manifest.layers)
        )


def _documents(image: _Image, layers: list[Layer]) -> tuple[bytes, Manifest]:
    histories = [history for _, history in image.line]
    config = config_of(image.top, list(zip(histories, layers, strict=True)))
    return config, manifest_of(config, layers)


def _notes(layers: list[Layer]) -> str:
    compressed = [layer.compression for layer in layers if layer.is_recompressed]
    if not compressed:
        return ""
    kinds = ", ".join(sorted(set(compressed)))
    return f"compressed anew with gzip, since clients don't take it: {len(compressed)} of {kinds}"


def _missing(image: ImageId) -> NotMigrated:
    return NotMigrated(f"the image {image} is missing")


def _taken(target: Target, current: Digest) -> NotMigrated:
    return NotMigrated(
        f"{target} exists already, and is something else: {current}. Delete that tag, or this one "
        "of V1"
    )
