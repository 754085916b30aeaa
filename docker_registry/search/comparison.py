"""In what the index and the storage differ, read from both in pages and without a lock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import SQLColumnExpression, literal, select
from sqlalchemy.orm import InstrumentedAttribute

from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.registry.names import RepositoryName
from docker_registry.search import models
from docker_registry.search.catalog import all_names
from docker_registry.search.database import Database
from docker_registry.search.listed import ListedName

#: How much is read of either side at a time.
PAGE = 1000

#: Names with what they stand for, in byte order of the names.
Entries = Iterator[tuple[str, str]]


class Difference(NamedTuple):
    """A name that stands for something else in the index than in the storage.

    :ivar indexed: what it stands for in the index, ``None`` where it isn't there.
    :ivar stored: likewise, in the storage.
    """

    name: str
    indexed: str | None
    stored: str | None


class Comparison:
    """The index beside the storage.

    What changes while it is read may be missed or be told too much: whoever mends a difference
    looks at the storage again. Every method raises ``IndexUnavailable`` when the database can't
    be read.
    """

    def __init__(self, database: Database, registry: Registry, legacy: LegacyStore) -> None:
        self._database = database
        self._registry = registry
        self._legacy = legacy

    def names(self, after: str = "") -> Iterator[ListedName]:
        """Give each name behind ``after`` that the storage or the index has, in byte order."""
        stored = ((name, "") for name in all_names(self._registry, self._legacy, after))
        for name, _, _ in _joined(self._indexed_names(after), stored):
            yield ListedName(name)

    def manifests(self, repository: RepositoryName) -> Iterator[Difference]:
        """Give the digests of manifests that only one side has; they stand for nothing."""
        indexed = self._indexed(repository, models.Manifest.digest, literal(""))
        stored = ((digest, "") for digest in self._registry.manifests.iterate(repository))
        return _different(indexed, stored)

    def tags(self, repository: RepositoryName) -> Iterator[Difference]:
        """Give the tags that differ, which stand for digests."""
        indexed = self._indexed(repository, models.Tag.name, models.Tag.digest)
        return _different(indexed, self._registry.tags.links(repository))

    def v1_tags(self, repository: V1Name) -> Iterator[Difference]:
        """Give the tags of V1 that differ, which stand for images."""
        indexed = self._indexed(repository.listed, models.V1Tag.name, models.V1Tag.image)
        return _different(indexed, self._legacy.repositories.iterate_tags(repository))

    def _indexed_names(self, after: str) -> Entries:
        query = select(models.Repository.name).order_by(models.Repository.name).limit(PAGE)
        while True:
            with self._database.read() as session:
                page = session.scalars(query.where(models.Repository.name > after)).all()
            yield from ((name, "") for name in page)
            if len(page) < PAGE:
                return
            after = page[-1]

    def _indexed(
        self, repository: str, name: InstrumentedAttribute[str], value: SQLColumnExpression[str]
    ) -> Entries:
        """Give what a table has of a repository.

        :param name: the column that has the names.
        :param value: what they stand for.
        """
        query = (
            select(name, value)
            .join(models.Repository)
            .where(models.Repository.name == repository)
            .order_by(name)
            .limit(PAGE)
        )
        after = ""
        while True:
            with self._database.read() as session:
                page = [(row[0], row[1]) for row in session.execute(query.where(name > after))]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1][0]


def _different(indexed: Entries, stored: Entries) -> Iterator[Difference]:
    return (one for one in _joined(indexed, stored) if one.indexed != one.stored)


def _joined(indexed: Entries, stored: Entries) -> Iterator[Difference]:
    """Give every name of two sides once, in byte order; neither side is held in memory."""
    left, right = next(indexed, None), next(stored, None)
    while left is not None or right is not None:
        name = min(entry[0] for entry in (left, right) if entry is not None)
        here = there = None
        if left is not None and left[0] == name:
            here, left = left[1], next(indexed, None)
        if right is not None and right[0] == name:
            there, right = right[1], next(stored, None)
        yield Difference(name, here, there)
