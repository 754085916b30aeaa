"""The whole of the index against the whole of the storage: rebuilding, checking, counting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from sqlalchemy import func, select

from docker_registry.errors import ManifestUnknown
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.registry.names import RepositoryName
from docker_registry.search import models
from docker_registry.search.catalog import all_names
from docker_registry.search.database import Database
from docker_registry.search.listed import ListedName
from docker_registry.search.query import is_complete
from docker_registry.search.records import Records

#: Names read from the database at a time.
PAGE = 1000


class Rebuild:
    """Work on all repositories. It runs beside traffic, and may be cut off and begun again."""

    def __init__(
        self, registry: Registry, legacy: LegacyStore, database: Database, records: Records
    ) -> None:
        self._registry = registry
        self._legacy = legacy
        self._database = database
        self._records = records

    def is_complete(self) -> bool:
        """Whether all of the storage was indexed once."""
        with self._database.read() as session:
            return is_complete(session)

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
                for table in (
                    models.Repository,
                    models.Tag,
                    models.Manifest,
                    models.Platform,
                    models.V1Tag,
                )
            }

    def _indexed_names(self) -> Iterator[ListedName]:
        """Give the names of all repositories of the index, in byte order."""
        after = ""
        while True:
            page = self._page(after)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1]

    def _page(self, after: str) -> list[ListedName]:
        query = (
            select(models.Repository.name)
            .where(models.Repository.name > after)
            .order_by(models.Repository.name)
            .limit(PAGE)
        )
        with self._database.read() as session:
            return list(map(ListedName, session.scalars(query)))

    def _all_names(self) -> Iterator[ListedName]:
        """Give each name that the storage or the index has, once.

        Both give theirs in byte order, so neither has to be held in memory.
        """
        indexed, stored = self._indexed_names(), all_names(self._registry, self._legacy)
        left, right = next(indexed, None), next(stored, None)
        while left is not None or right is not None:
            name = min(name for name in (left, right) if name is not None)
            yield name
            if left == name:
                left = next(indexed, None)
            if right == name:
                right = next(stored, None)

    def _differences(self, repository: ListedName) -> Iterator[str]:
        indexed, tags, v1_tags = self._indexed(repository)
        stored_tags: dict[str, str] = {}
        stored: set[str] = set()
        if repository.todays is not None:
            stored_tags = dict[str, str](self._stored_tags(repository.todays))
            stored = set(self._registry.manifests.iterate(repository.todays))
        for digest in sorted(indexed ^ stored):
            where = "the index" if digest in indexed else "the storage"
            yield f"{repository}@{digest} is only in {where}"
        yield from _different_tags(f"{repository}:", tags, stored_tags)
        v1 = repository.v1
        stored_v1 = dict[str, str](self._legacy.repositories.iterate_tags(v1)) if v1 else {}
        yield from _different_tags(f"V1's {repository}:", v1_tags, stored_v1)

    def _indexed(self, repository: ListedName) -> tuple[set[str], dict[str, str], dict[str, str]]:
        """Give the manifests, the tags, and the tags of V1 that the index has of a repository."""
        with self._database.read() as session:
            found = session.scalars(
                select(models.Repository.id).filter_by(name=repository)
            ).one_or_none()
            digests = select(models.Manifest.digest).filter_by(repository_id=found)
            tags = select(models.Tag.name, models.Tag.digest).filter_by(repository_id=found)
            v1 = select(models.V1Tag.name, models.V1Tag.image).filter_by(repository_id=found)
            return (
                set(session.scalars(digests)),
                {row.name: row.digest for row in session.execute(tags)},
                {row.name: row.image for row in session.execute(v1)},
            )

    def _stored_tags(self, repository: RepositoryName) -> Iterator[tuple[str, str]]:
        for tag in self._registry.tags.iterate(repository):
            # One that points nowhere is none.
            with suppress(ManifestUnknown):
                yield tag, self._registry.tags.get(repository, tag)


def _different_tags(
    prefix: str, indexed: Mapping[str, str], stored: Mapping[str, str]
) -> Iterator[str]:
    for tag in sorted(indexed.keys() | stored.keys()):
        if indexed.get(tag) != stored.get(tag):
            yield (
                f"{prefix}{tag} is {indexed.get(tag)} in the index and "
                f"{stored.get(tag)} in the storage"
            )
