"""The whole of the index against the whole of the storage: rebuilding, checking, counting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from sqlalchemy import func, select

from docker_registry.errors import ManifestUnknown
from docker_registry.registry import Registry
from docker_registry.registry.names import RepositoryName
from docker_registry.search import models
from docker_registry.search.database import Database
from docker_registry.search.records import Records

#: Names read from the database at a time.
PAGE = 1000


class Rebuild:
    """Work on all repositories. It runs beside traffic, and may be cut off and begun again."""

    def __init__(self, registry: Registry, database: Database, records: Records) -> None:
        self._registry = registry
        self._database = database
        self._records = records

    def is_complete(self) -> bool:
        """Whether all of the storage was indexed once."""
        with self._database.read() as session:
            progress = session.get(models.Progress, 1)
            return progress is not None and progress.complete

    def run(self, report: Callable[[str], None] = lambda _name: None) -> None:
        """Look at every repository of the storage and of the index again.

        :param report: is called with each name when it is done.
        """
        for repository in self._all_names():
            self._records.sync_repository(repository)
            report(repository)
        self._records.complete()

    def differences(self, report: Callable[[str], None] = lambda _name: None) -> Iterator[str]:
        """Give a sentence for each thing in which index and storage differ."""
        for repository in self._all_names():
            yield from self._differences(repository)
            report(repository)

    def counts(self) -> dict[str, int]:
        """Give the number of rows of each kind."""
        with self._database.read() as session:
            return {
                table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
                for table in (models.Repository, models.Tag, models.Manifest, models.Platform)
            }

    def names(self, after: str = "") -> Iterator[str]:
        """Give the names of all repositories of the index behind ``after``, in byte order."""
        while True:
            page = self.page(after, PAGE)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]

    def page(self, after: str, limit: int) -> list[str]:
        """Give at most ``limit`` names of the index greater than ``after``, in byte order."""
        query = (
            select(models.Repository.name)
            .where(models.Repository.name > after)
            .order_by(models.Repository.name)
            .limit(limit)
        )
        with self._database.read() as session:
            return list(session.scalars(query))

    def _all_names(self) -> Iterator[RepositoryName]:
        """Give each name that the storage or the index has, once.

        Both give theirs in byte order, so neither has to be held in memory.
        """
        indexed, stored = self.names(), self._registry.repositories.iterate()
        left, right = next(indexed, None), next(stored, None)
        while left is not None or right is not None:
            name = min(name for name in (left, right) if name is not None)
            yield RepositoryName(name)
            if left == name:
                left = next(indexed, None)
            if right == name:
                right = next(stored, None)

    def _differences(self, repository: RepositoryName) -> Iterator[str]:
        with self._database.read() as session:
            found = session.scalars(
                select(models.Repository.id).filter_by(name=repository)
            ).one_or_none()
            indexed_tags: dict[str, str] = {}
            indexed: set[str] = set()
            if found is not None:
                tags = select(models.Tag.name, models.Tag.digest).filter_by(repository_id=found)
                indexed_tags = {row.name: row.digest for row in session.execute(tags)}
                digests = select(models.Manifest.digest).filter_by(repository_id=found)
                indexed = set(session.scalars(digests))
        stored: set[str] = set(self._registry.manifests.iterate(repository))
        for digest in sorted(indexed ^ stored):
            where = "the index" if digest in indexed else "the storage"
            yield f"{repository}@{digest} is only in {where}"
        stored_tags = dict(self._stored_tags(repository))
        for tag in sorted(indexed_tags.keys() | stored_tags.keys()):
            if indexed_tags.get(tag) != stored_tags.get(tag):
                yield (
                    f"{repository}:{tag} is {indexed_tags.get(tag)} in the index and "
                    f"{stored_tags.get(tag)} in the storage"
                )

    def _stored_tags(self, repository: RepositoryName) -> Iterator[tuple[str, str]]:
        for tag in self._registry.tags.iterate(repository):
            # One that points nowhere is none.
            with suppress(ManifestUnknown):
                yield tag, self._registry.tags.get(repository, tag)
