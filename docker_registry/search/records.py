"""Making the index say what the storage says.

Each change re-reads the storage while it holds the lock on the repository's row, instead of
believing the event that caused it. So changes may come twice, late, or in any order, from any
number of processes, and the index ends as the storage is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from docker_registry.errors import ManifestUnknown
from docker_registry.legacy.errors import TagUnknown
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.legacy.names import Tag as V1Tag
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.search import models, summary
from docker_registry.search.base import IndexUnavailable
from docker_registry.search.comparison import Comparison
from docker_registry.search.database import Conflict, Database
from docker_registry.search.describe import Description, describe
from docker_registry.search.listed import ListedName

#: How often a transaction that met another one is done again.
ATTEMPTS = 10
#: How many changes of one repository are made while its row is locked: each asks the storage.
CHANGES_AT_ONCE = 20

#: Makes the index follow the storage in one thing.
Change = Callable[[Session, models.Repository], None]


class Records:
    """The rows of the index, and how each follows the storage.

    Every method raises ``IndexUnavailable`` when the database can't be changed.
    """

    def __init__(self, database: Database, registry: Registry, legacy: LegacyStore) -> None:
        self._database = database
        self._registry = registry
        self._legacy = legacy
        self._comparison = Comparison(database, registry, legacy)

    def sync_push(self, repository: RepositoryName, digest: Digest, tags: Sequence[Tag]) -> None:
        """Look at a manifest, and at the tags with which it was pushed, again."""
        # What a digest names never changes, so it is read before the lock is taken.
        description = describe(self._registry, repository, digest)

        def change(session: Session, row: models.Repository) -> None:
            self._sync_manifest(session, row, digest, description)
            for tag in tags:
                self._sync_tag(session, row, tag)

        self._change(repository, change)

    def sync_manifest(self, repository: RepositoryName, digest: Digest) -> None:
        """Look at one manifest again."""
        self.sync_push(repository, digest, ())

    def sync_tag(self, repository: RepositoryName, tag: Tag) -> None:
        """Look at one tag, and the manifest that it points to, again."""

        def change(session: Session, row: models.Repository) -> None:
            self._sync_tag(session, row, tag)

        self._change(repository, change)

    def sync_v1_tag(self, repository: ListedName, tag: V1Tag) -> None:
        """Look at one tag of V1 again."""
        name = repository.v1
        assert name is not None, "V1 has no such repository"

        def change(session: Session, row: models.Repository) -> None:
            self._sync_v1_tag(session, row, name, tag)

        self._change(repository, change)

    def sync_repository(self, repository: ListedName) -> None:
        """Look at everything in a repository again.

        Both sides are read without a lock, which is taken for what differs, some of it at a time.
        """
        if not self._is_stored(repository):
            self._change(repository, self._remove)
        changes = self._changes(repository)
        while some := list(islice(changes, CHANGES_AT_ONCE)):
            self._change(repository, partial(_make, some))
        with self._database.read() as session:
            row = session.scalars(select(models.Repository).filter_by(name=repository)).first()
            is_settled = row is None or not summary.differs(session, row)
        if not is_settled:
            self._change(repository, partial(_make, ()))

    def reached(self, repository: str) -> None:
        """Say that all up to a repository is indexed, unless all is."""
        with self._database.write() as session:
            progress = session.get(models.Progress, 1)
            if progress is None:
                session.add(models.Progress(id=1, complete=False, reached=repository))
            elif not progress.complete:
                progress.reached = repository

    def complete(self) -> None:
        """Say that all of the storage is indexed."""
        with self._database.write() as session:
            session.merge(models.Progress(id=1, complete=True, reached=""))

    def _change(self, repository: str, change: Change) -> None:
        for _ in range(ATTEMPTS):
            try:
                with self._database.write() as session:
                    row = _locked(session, repository)
                    change(session, row)
                    session.flush()
                    summary.settle(session, row)
            except Conflict:
                continue
            return
        raise IndexUnavailable(f"{repository}: other processes came first {ATTEMPTS} times")

    def _is_stored(self, repository: ListedName) -> bool:
        """Whether the storage has anything of a repository."""
        todays, v1 = repository.todays, repository.v1
        if todays is not None:
            lists = (self._registry.manifests.iterate(todays), self._registry.tags.iterate(todays))
            if any(True for _ in chain(*lists)):
                return True
        return v1 is not None and self._legacy.repositories.has_tags(v1)

    def _changes(self, repository: ListedName) -> Iterator[Change]:
        """Give what is to be done for each thing that differs."""
        todays, v1 = repository.todays, repository.v1
        if todays is not None:
            for one in self._comparison.manifests(todays):
                digest = Digest(one.name)
                description = describe(self._registry, todays, digest)
                yield partial(self._sync_manifest, digest=digest, description=description)
            for one in self._comparison.tags(todays):
                yield partial(self._sync_tag, tag=Tag(one.name))
        if v1 is not None:
            for one in self._comparison.v1_tags(v1):
                yield partial(self._sync_v1_tag, repository=v1, tag=V1Tag(one.name))

    def _remove(self, session: Session, row: models.Repository) -> None:
        """Remove all that is said of a repository, unless something was pushed to it meanwhile."""
        if not self._is_stored(ListedName(row.name)):
            for table in (models.Manifest, models.Tag, models.V1Tag):
                session.execute(delete(table).filter_by(repository_id=row.id))

    def _sync_v1_tag(
        self, session: Session, row: models.Repository, repository: V1Name, tag: V1Tag
    ) -> None:
        known = session.get(models.V1Tag, (row.id, tag))
        try:
            image = self._legacy.repositories.tag(repository, tag)
        except TagUnknown:
            if known is not None:
                session.delete(known)
        else:
            session.merge(models.V1Tag(repository_id=row.id, name=tag, image=image))

    def _sync_manifest(
        self, session: Session, row: models.Repository, digest: Digest, description: Description
    ) -> None:
        known = _manifest(session, row, digest)
        if not self._registry.manifests.has(RepositoryName(row.name), digest):
            if known is not None:
                session.delete(known)
        elif known is None:
            session.add(_described(row.id, digest, description))
            session.flush()

    def _sync_tag(self, session: Session, row: models.Repository, tag: Tag) -> None:
        known = session.get(models.Tag, (row.id, tag))
        repository = RepositoryName(row.name)
        try:
            digest = self._registry.tags.get(repository, tag)
        except ManifestUnknown:
            if known is not None:
                session.delete(known)
            return
        if known is None:
            known = models.Tag(repository_id=row.id, name=tag)
            session.add(known)
        elif known.digest == digest:
            return
        known.digest, known.pushed = digest, datetime.now(UTC).replace(tzinfo=None)
        if _manifest(session, row, digest) is None:
            description = describe(self._registry, repository, digest)
            self._sync_manifest(session, row, digest, description)


def _locked(session: Session, repository: str) -> models.Repository:
    """Give the row of a repository, made if need be, that no other transaction can change now."""
    query = select(models.Repository).filter_by(name=repository).with_for_update()
    row = session.scalars(query).one_or_none()
    if row is None:
        row = models.Repository(
            name=repository,
            todays=ListedName(repository).todays is not None,
            leaf=repository.rpartition("/")[2],
        )
        session.add(row)
        session.flush()
    return row


def _manifest(session: Session, row: models.Repository, digest: Digest) -> models.Manifest | None:
    query = select(models.Manifest).filter_by(repository_id=row.id, digest=digest)
    return session.scalars(query).one_or_none()


def _make(changes: Iterable[Change], session: Session, row: models.Repository) -> None:
    for change in changes:
        change(session, row)


def _described(repository_id: int, digest: Digest, described: Description) -> models.Manifest:
    fields: dict[str, Any] = {
        "media_type": described.media_type,
        "artifact_type": described.artifact_type,
        "size": described.size,
        "created": described.created,
    }
    return models.Manifest(
        repository_id=repository_id,
        digest=digest,
        platforms=[
            models.Platform(os=os, architecture=architecture, variant=variant)
            for os, architecture, variant in described.platforms
        ],
        annotations=[
            models.Annotation(key=key, value=value) for key, value in described.annotations.items()
        ],
        **fields,
    )
