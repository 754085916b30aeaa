"""Following the events of the registry without holding up a push.

What takes longer than a moment, or fails, leaves a mark in the storage before the client is
answered; by the mark ``repair`` finds the repository again.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from docker_registry.errors import NameInvalid, PathNotFound
from docker_registry.legacy.errors import TagInvalid
from docker_registry.legacy.names import Tag as V1Tag
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry, layout
from docker_registry.registry.manifest import Manifest
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.search.base import IndexUnavailable
from docker_registry.search.listed import ListedName
from docker_registry.search.records import Records
from docker_registry.search.writer import Full, Writer

log = logging.getLogger(__name__)


class Follower:
    """Brings the changes of this process's requests into the index, one after another.

    :param records: what is changed.
    """

    def __init__(self, registry: Registry, legacy: LegacyStore, records: Records) -> None:
        self._registry = registry
        self._legacy = legacy
        self._records = records
        self._writer = Writer()

    def connect(self) -> None:
        """Listen to both stores from now on."""
        events = self._registry.events
        events.manifest_pushed.connect(self._manifest_pushed)
        events.manifest_deleted.connect(self._manifest_deleted)
        events.tag_deleted.connect(self._tag_deleted)
        events.repository_deleted.connect(self._repository_deleted)
        # A repository of V1 is listed by its tags alone: that it was created says nothing yet.
        v1 = self._legacy.events
        v1.tag_created.connect(self._v1_tag_changed)
        v1.tag_deleted.connect(self._v1_tag_changed)
        v1.repository_deleted.connect(self._v1_repository_deleted)

    def is_behind(self) -> bool:
        """Whether any process has changes that the index may not have yet."""
        return bool(self._registry.driver.list(layout.PENDING, limit=1))

    def repair(self) -> int:
        """Look again at each repository that has a mark, and give their number.

        :raises IndexUnavailable: the index still can't be changed; the marks stay.
        """
        repaired = 0
        for directory in self._registry.driver.iterate(layout.PENDING):
            # Those that are left from now on tell of something that was perhaps not seen.
            marks = list(self._registry.driver.iterate(f"{layout.PENDING}/{directory}"))
            repository = self._marked(directory, marks)
            if repository is None:
                continue
            self._records.sync_repository(repository)
            for mark in marks:
                self._registry.driver.discard(f"{layout.PENDING}/{directory}/{mark}")
            repaired += 1
        return repaired

    def _manifest_pushed(
        self,
        _sender: object,
        repository: RepositoryName,
        manifest: Manifest,
        tags: Sequence[Tag],
    ) -> None:
        self._follow(repository, self._records.sync_push, manifest.digest, tags)

    def _manifest_deleted(
        self, _sender: object, repository: RepositoryName, digest: Digest
    ) -> None:
        self._follow(repository, self._records.sync_manifest, digest)

    def _tag_deleted(self, _sender: object, repository: RepositoryName, tag: Tag) -> None:
        self._follow(repository, self._records.sync_tag, tag)

    def _repository_deleted(self, _sender: object, repository: RepositoryName) -> None:
        self._follow(ListedName(repository), self._records.sync_repository)

    def _v1_tag_changed(
        self, _sender: object, namespace: str, repository: str, tag: str, **_: object
    ) -> None:
        name = ListedName.of_v1(namespace, repository)
        if name is not None and _can_be_asked_for(tag):
            self._follow(name, self._records.sync_v1_tag, V1Tag(tag))

    def _v1_repository_deleted(self, _sender: object, namespace: str, repository: str) -> None:
        name = ListedName.of_v1(namespace, repository)
        if name is not None:
            self._follow(name, self._records.sync_repository)

    def _follow(self, repository: str, change: Callable[..., None], *what: object) -> None:
        try:
            self._writer.make(change, repository, *what)
            return
        except (IndexUnavailable, TimeoutError, Full) as error:
            log.warning("the search index will look at %s later: %s", repository, error or "busy")
        except Exception:
            log.exception("the search index can't follow %s", repository)
        mark = f"{layout.pending(repository)}/{uuid.uuid4().hex}"
        self._registry.driver.put_content(mark, repository.encode())

    def _marked(self, directory: str, marks: Sequence[str]) -> ListedName | None:
        """Give the repository that the marks in a directory are for; ``None`` if they are none."""
        name = unquote(directory)
        if directory.startswith(layout.HASHED) and marks:
            try:
                mark = f"{layout.PENDING}/{directory}/{marks[0]}"
                name = self._registry.driver.get_content(mark).decode("utf-8", "replace")
            except PathNotFound:
                return None  # Another process has repaired it.
        try:
            repository = ListedName.parse(name)
        except NameInvalid:
            return None
        return repository if layout.pending(repository) == f"{layout.PENDING}/{directory}" else None


def _can_be_asked_for(tag: str) -> bool:
    """Whether text is a tag of V1; the store of 0.9 may have others."""
    try:
        V1Tag.parse(tag)
    except TagInvalid:
        return False
    return True
