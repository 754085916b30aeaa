"""Removing V1's data once they are migrated, in an order that loses nothing when it is cut off."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from blinker import NamedSignal

from docker_registry.errors import ManifestUnknown, PathNotFound, RegistryError
from docker_registry.legacy import layout as v1
from docker_registry.legacy.errors import LegacyError, RepositoryUnknown, TagUnknown
from docker_registry.legacy.events import Events
from docker_registry.legacy.images import Images
from docker_registry.legacy.members import Members
from docker_registry.legacy.migration.outcome import NotMigrated, Outcome, Result
from docker_registry.legacy.migration.records import LayerRecords
from docker_registry.legacy.names import ImageId, Tag
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.legacy.repositories import Repositories, StoredTag
from docker_registry.registry import Registry
from docker_registry.registry.names import Digest, RepositoryName


class Removal:
    """Removes the tags of repositories that were migrated, and the images that nobody needs then.

    :param watch: is told how many bytes of blobs were read, as they come.
    :param events: where is announced what was removed.
    """

    def __init__(
        self, registry: Registry, watch: Callable[[int], object], events: Events | None = None
    ) -> None:
        self._registry = registry
        self._watch = watch
        self._events = events or Events()
        self._images = Images(registry.driver)
        self._repositories = Repositories(registry.driver)
        self._members = Members(registry.driver)
        self._records = LayerRecords(registry.driver)
        self._verified: set[Digest] = set()
        self._parents: dict[ImageId, ImageId | None] = {}

    def remove_repository(self, repository: V1Name, outcomes: Sequence[Outcome]) -> None:
        """Remove a repository of V1, all of whose tags were migrated, when all is found whole.

        :param outcomes: of each of its tags.
        :raises NotMigrated: not all is there, and nothing is removed; or a tag was put meanwhile,
            which stays, and the repository with it.
        """
        for outcome in outcomes:
            self._verify(outcome)
        for outcome in outcomes:
            self._remove_tag(repository, outcome)
        if left := self._tags(repository):
            names = ", ".join(tag.name for tag in left)
            raise NotMigrated(f"tags were put meanwhile: {names}. Run it again")
        with suppress(PathNotFound):
            self._registry.driver.delete(v1.repository(repository))
        self._members.forget_repository(repository)
        self._announce(self._events.repository_deleted, repository)

    def remove_images(self) -> Iterator[ImageId]:
        """Remove the images that were migrated and that nothing left of V1 is built on."""
        needed = self._needed()
        lines = {image: self._reach(image) for image in self._records.iterate()}
        # Who is built on others goes before them.
        for image in sorted(lines, key=lambda image: len(lines[image]), reverse=True):
            if image not in needed and not self._images.is_in_progress(image):
                self._remove_image(image)
                yield image

    def _verify(self, outcome: Outcome) -> None:
        """Read all that a migrated tag needs."""
        if outcome.result is Result.FAILED or outcome.target is None:
            raise NotMigrated(f"{outcome.source} was not migrated")
        repository = outcome.target.repository
        try:
            manifest = self._registry.manifests.get(repository, outcome.target.tag)
            if manifest.digest != outcome.digest:
                raise NotMigrated(f"{outcome.target} was pushed again meanwhile")
            for blob in (manifest.config, *manifest.layers):
                assert blob is not None, "an image has a config"
                self._verify_blob(repository, blob.digest)
        except ManifestUnknown:
            raise NotMigrated(f"{outcome.target} is gone") from None
        except RegistryError as error:
            raise NotMigrated(f"{outcome.target}: {error.message}") from error

    def _verify_blob(self, repository: RepositoryName, digest: Digest) -> None:
        blob = self._registry.blobs.find(repository, digest)
        if digest in self._verified:
            return
        running = hashlib.new(digest.algorithm)
        with blob.open() as reader:
            for chunk in reader:
                self._watch(len(chunk))
                running.update(chunk)
        if Digest.of_hash(running) != digest:
            raise NotMigrated(f"the blob {digest} is damaged")
        self._verified.add(digest)

    def _remove_tag(self, repository: V1Name, outcome: Outcome) -> None:
        tag = Tag.parse(outcome.source.tag.name)
        with suppress(TagUnknown):
            if self._repositories.tag(repository, tag) != outcome.source.image:
                return
        for path in (v1.tag(repository, tag), v1.tag_json(repository, tag)):
            with suppress(PathNotFound):
                self._registry.driver.delete(path)
        gone = {"tag": tag, "image": outcome.source.image}
        self._announce(self._events.tag_deleted, repository, **gone)

    def _announce(self, signal: NamedSignal, repository: V1Name, **what: str) -> None:
        name = {"namespace": repository.namespace, "repository": repository.repository}
        self._events.announce(signal, **name, **what)

    def _remove_image(self, image: ImageId) -> None:
        """Remove an image: first what makes it one, so that it is never one without its layer."""
        driver = self._registry.driver
        self._members.forget_image(image)
        answers = (v1.files(image), v1.diff(image))
        for path in (v1.image_json(image), *answers, v1.layer(image), v1.image(image)):
            with suppress(PathNotFound):
                driver.delete(path)
        self._records.delete(image)

    def _needed(self) -> set[ImageId]:
        """Give the images that a tag of V1 needs, or that one needs which was not migrated.

        The latter may be on its way to a tag.
        """
        needed: set[ImageId] = set()
        for repository in self._repositories.iterate():
            for tag in self._tags(repository):
                needed |= self._reach(tag.image)
        migrated = set(self._records.iterate())
        for image in self._images.iterate():
            if image not in migrated:
                needed |= self._reach(image)
        return needed

    def _tags(self, repository: V1Name) -> list[StoredTag]:
        try:
            return list(self._repositories.tags(repository))
        except RepositoryUnknown:
            return []

    def _reach(self, image: ImageId) -> set[ImageId]:
        """Give an image and those it is built on: by its ancestry, and by the parents' own word.

        They may differ, or end early, where something is damaged.
        """
        followed: set[ImageId] = set()
        above: ImageId | None = image
        while above is not None and above not in followed:
            followed.add(above)
            above = self._parent(above)
        with suppress(LegacyError):
            followed.update(self._images.ancestry(image))
        return followed

    def _parent(self, image: ImageId) -> ImageId | None:
        if image not in self._parents:
            self._parents[image] = None
            with suppress(LegacyError):
                self._parents[image] = self._images.parent(image)
        return self._parents[image]
