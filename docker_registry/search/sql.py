"""The index in an SQL database."""

from __future__ import annotations

import logging

from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.registry.selection import EVERYTHING, Selection
from docker_registry.search import query as queries
from docker_registry.search.base import IndexUnavailable, SearchIndex, SearchPage
from docker_registry.search.comparison import Comparison
from docker_registry.search.database import Conflict, Database, parse_url
from docker_registry.search.follower import Follower
from docker_registry.search.rebuild import Rebuild
from docker_registry.search.records import Records

log = logging.getLogger(__name__)


class SqlIndex(SearchIndex):
    """An index in SQLite, PostgreSQL, MySQL or MariaDB.

    :param url: where, in SQLAlchemy's form. ``ConfigError`` if it can't be one.
    """

    def __init__(self, url: str, registry: Registry, legacy: LegacyStore) -> None:
        self._database = Database(parse_url(url))
        records = Records(self._database, registry, legacy)
        self._follower = Follower(registry, legacy, records)
        comparison = Comparison(self._database, registry, legacy)
        self.rebuild = Rebuild(self._database, comparison, records)

    def search(
        self, query: str, page: int = 1, page_size: int = 25, selection: Selection = EVERYTHING
    ) -> SearchPage:
        """Ask the database."""
        if selection.is_nothing:
            return SearchPage(0, ())
        try:
            with self._database.read() as session:
                return queries.search(session, query, page, page_size, selection)
        except Conflict as error:
            raise IndexUnavailable(str(error)) from error

    def repositories(
        self, after: str, limit: int, selection: Selection = EVERYTHING
    ) -> list[str] | None:
        """Ask the database, as long as it can be asked and knows all of the storage.

        A push whose change it may lack has left a mark before it was answered, so that no name
        is missing that a client knows of.
        """
        if selection.is_nothing:
            return []
        try:
            if self._follower.is_behind():
                return None
            with self._database.read() as session:
                if not queries.is_complete(session):
                    return None
                return queries.names(session, after, limit, selection)
        except (IndexUnavailable, Conflict):
            return None

    def connect(self) -> None:
        """Follow both stores."""
        self._follower.connect()

    def prepare(self) -> None:
        """Bring the database's schema up to date."""
        try:
            self.rebuild.is_complete()
        except (IndexUnavailable, Conflict) as error:
            log.warning("the search index can't be used yet: %s", error)
        # The server may fork behind this, and a connection belongs to one process.
        self._database.close()

    def repair(self) -> None:
        """Index the storage if that was never done, and what has been missed since."""
        try:
            if not self.rebuild.is_complete():
                log.info("the search index is new: it reads the storage")
                self.rebuild.go_on()
            repaired = self._follower.repair()
            if repaired:
                log.info("the search index looked again at %d repositories", repaired)
        except (IndexUnavailable, Conflict) as error:
            log.warning("the search index can't catch up yet: %s", error)

    def reconcile(self) -> None:
        """Look at every repository again."""
        try:
            self.rebuild.run()
        except (IndexUnavailable, Conflict) as error:
            log.warning("the search index can't be compared with the storage: %s", error)
