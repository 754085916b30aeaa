"""The whole of the index against the whole of the storage: rebuilding, checking, counting."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import func, select

from docker_registry.search import models
from docker_registry.search.comparison import Comparison, Difference
from docker_registry.search.database import Database
from docker_registry.search.listed import ListedName
from docker_registry.search.query import is_complete
from docker_registry.search.records import Records

#: After how many repositories it is noted how far the first reading has come.
STEP = 100


class Rebuild:
    """Work on all repositories. It runs beside traffic, and may be cut off and begun again.

    :param comparison: finds what differs.
    :param records: mends it.
    """

    def __init__(self, database: Database, comparison: Comparison, records: Records) -> None:
        self._database = database
        self._comparison = comparison
        self._records = records

    def is_complete(self) -> bool:
        """Whether all of the storage was indexed once."""
        with self._database.read() as session:
            return is_complete(session)

    def run(self, report: Callable[[str], None] = lambda _name: None) -> None:
        """Look at every repository of the storage and of the index again.

        :param report: is called with each name when it is done.
        """
        for repository in self._comparison.names():
            self._records.sync_repository(repository)
            report(repository)
        self._records.complete()

    def go_on(self) -> None:
        """Look at the repositories that were never looked at, and at no other again."""
        with self._database.read() as session:
            reached = session.scalar(select(models.Progress.reached)) or ""
        for number, repository in enumerate(self._comparison.names(reached), start=1):
            self._records.sync_repository(repository)
            if number % STEP == 0:
                self._records.reached(repository)
        self._records.complete()

    def differences(self, report: Callable[[str], None] = lambda _name: None) -> Iterator[str]:
        """Give a sentence for each thing in which index and storage differ."""
        for repository in self._comparison.names():
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

    def _differences(self, repository: ListedName) -> Iterator[str]:
        todays, v1 = repository.todays, repository.v1
        if todays is not None:
            for digest, indexed, _ in self._comparison.manifests(todays):
                where = "the storage" if indexed is None else "the index"
                yield f"{repository}@{digest} is only in {where}"
            for tag in self._comparison.tags(todays):
                yield _different(f"{repository}:", tag)
        if v1 is not None:
            for tag in self._comparison.v1_tags(v1):
                yield _different(f"V1's {repository}:", tag)


def _different(prefix: str, tag: Difference) -> str:
    return f"{prefix}{tag.name} is {tag.indexed} in the index and {tag.stored} in the storage"
