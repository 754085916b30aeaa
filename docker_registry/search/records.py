"""Making the index say what the storage says.

Each change re-reads the storage while it holds the lock on the repository's row, instead of
believing the event that caused it. So changes may come twice, late, or in any order, from any
number of processes, and the index ends as the storage is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from docker_registry.errors import ManifestUnknown
from docker_registry.legacy.errors import TagUnknown
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.legacy.names import Tag as V1Tag
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.search import models
from docker_registry.search.base import IndexUnavailable
from docker_registry.search.database import Conflict, Database
from docker_registry.search.describe import Description, describe
from docker_registry.search.document import document, storable
from docker_registry.search.listed import ListedName

log = logging.getLogger(__name__)

#: How often a transaction that met another one is done again.
ATTEMPTS = 10
#: Tags of a repository that are searched: the ones pushed last, then those of V1.
SEARCHED_TAGS = 200
#: Longest title or description of a repository that is shown, in characters.
MAX_TEXT = 1000

# OCI image specification 1.1, annotations.md.
TITLE = "org.opencontainers.image.title"
DESCRIPTION = "org.opencontainers.image.description"


class Records:
    """The rows of the index, and how each follows the storage.

    Every method raises ``IndexUnavailable`` when the database can't be changed.
    """

    def __init__(self, database: Database, registry: Registry, legacy: LegacyStore) -> None:
        self._database = database
        self._registry = registry
        self._legacy = legacy

    def sync_manifest(self, repository: RepositoryName, digest: Digest) -> None:
        """Look at one manifest again."""
        # What a digest names never changes, so it is read before the lock is taken.
        description = describe(self._registry, repository, digest)

        def change(session: Session, row: models.Repository) -> None:
            self._sync_manifest(session, row, digest, description)

        self._change(repository, change)

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
            known = session.get(models.V1Tag, (row.id, tag))
            try:
                image = self._legacy.repositories.tag(name, tag)
            except TagUnknown:
                if known is not None:
                    session.delete(known)
            else:
                session.merge(models.V1Tag(repository_id=row.id, name=tag, image=image))

        self._change(repository, change)

    def sync_v1_repository(self, repository: ListedName) -> None:
        """Look at everything that V1 has of a repository again."""
        name = repository.v1
        assert name is not None, "V1 has no such repository"
        self._change(repository, lambda session, row: self._sync_v1(session, row, name))

    def sync_repository(self, repository: ListedName) -> None:
        """Look at everything in a repository again."""
        todays, v1 = repository.todays, repository.v1

        def change(session: Session, row: models.Repository) -> None:
            if todays is not None:
                self._sync_todays(session, row, todays)
            if v1 is not None:
                self._sync_v1(session, row, v1)

        self._change(repository, change)

    def complete(self) -> None:
        """Say that all of the storage is indexed."""
        with self._database.write() as session:
            session.merge(models.Progress(id=1, complete=True))

    def _change(
        self, repository: str, change: Callable[[Session, models.Repository], None]
    ) -> None:
        for _ in range(ATTEMPTS):
            try:
                with self._database.write() as session:
                    row = _locked(session, repository)
                    change(session, row)
                    session.flush()
                    _settle(session, row)
            except Conflict:
                continue
            return
        raise IndexUnavailable(f"{repository}: other processes came first {ATTEMPTS} times")

    def _sync_todays(
        self, session: Session, row: models.Repository, repository: RepositoryName
    ) -> None:
        known = set(session.scalars(select(models.Manifest.digest).filter_by(repository_id=row.id)))
        for digest in known.union(self._registry.manifests.iterate(repository)):
            if digest not in known or not self._registry.manifests.has(repository, Digest(digest)):
                description = describe(self._registry, repository, Digest(digest))
                self._sync_manifest(session, row, Digest(digest), description)
        tags = set(session.scalars(select(models.Tag.name).filter_by(repository_id=row.id)))
        for tag in tags.union(self._registry.tags.iterate(repository)):
            self._sync_tag(session, row, Tag(tag))

    def _sync_v1(self, session: Session, row: models.Repository, repository: V1Name) -> None:
        known = {
            tag.name: tag
            for tag in session.scalars(select(models.V1Tag).filter_by(repository_id=row.id))
        }
        for name, image in self._legacy.repositories.iterate_tags(repository):
            known.pop(name, None)
            session.merge(models.V1Tag(repository_id=row.id, name=name, image=image))
        for tag in known.values():
            session.delete(tag)

    def _sync_manifest(
        self, session: Session, row: models.Repository, digest: Digest, description: Description
    ) -> None:
        known = session.scalars(
            select(models.Manifest).filter_by(repository_id=row.id, digest=digest)
        ).one_or_none()
        if not self._registry.manifests.has(RepositoryName(row.name), digest):
            if known is not None:
                session.delete(known)
        elif known is None:
            session.add(_manifest(row.id, digest, description))
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
        if known is not None and known.digest == digest:
            return
        now = datetime.now(UTC).replace(tzinfo=None)
        session.merge(models.Tag(repository_id=row.id, name=tag, digest=digest, pushed=now))
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


def _settle(session: Session, row: models.Repository) -> None:
    """Bring what is said of the repository itself up to date, or let it go if it is empty."""
    if not any(_count(session, table, row) for table in (models.Manifest, models.V1Tag)):
        session.execute(delete(models.Repository).filter_by(id=row.id))
        return
    newest = (
        select(models.Tag.name, models.Tag.digest)
        .filter_by(repository_id=row.id)
        .order_by(models.Tag.pushed.desc(), models.Tag.name)
    )
    tags = session.execute(newest.limit(SEARCHED_TAGS)).all()
    latest = session.get(models.Tag, (row.id, "latest"))
    speaking = latest.digest if latest else tags[0].digest if tags else None
    texts = _texts(session, row, speaking)
    row.title = storable(texts.get(TITLE, ""), MAX_TEXT)
    row.description = storable(texts.get(DESCRIPTION, ""), MAX_TEXT)
    v1 = select(models.V1Tag.name).filter_by(repository_id=row.id).order_by(models.V1Tag.name)
    searched = [*(tag.name for tag in tags), *session.scalars(v1.limit(SEARCHED_TAGS))]
    row.document = document(row.name, row.title, row.description, searched)


def _count(session: Session, table: type[models.Base], repository: models.Repository) -> int:
    query = select(func.count()).select_from(table).filter_by(repository_id=repository.id)
    return session.scalar(query) or 0


def _texts(session: Session, repository: models.Repository, digest: str | None) -> dict[str, str]:
    """Give title and description: what the operator says, else the manifest that tags lead to."""
    query = (
        select(models.Annotation.key, models.Annotation.value)
        .join(models.Manifest, models.Manifest.id == models.Annotation.manifest_id)
        .where(models.Manifest.repository_id == repository.id, models.Manifest.digest == digest)
        .where(models.Annotation.key.in_([TITLE, DESCRIPTION]))
    )
    texts = {row.key: row.value for row in session.execute(query)}
    said = session.get(models.Description, repository.name)
    if said is not None:
        texts[DESCRIPTION] = said.description
    return texts


def _manifest(repository_id: int, digest: Digest, described: Description) -> models.Manifest:
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
