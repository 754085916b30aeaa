"""The index in an SQL database."""

from __future__ import annotations

import logging

from docker_registry.registry import Registry
from docker_registry.search import query as queries
from docker_registry.search.base import IndexUnavailable, SearchIndex, SearchPage
from docker_registry.search.database import Conflict, Database, parse_url
from docker_registry.search.follower import Follower
from docker_registry.search.rebuild import Rebuild
from docker_registry.search.records import Records

log = logging.getLogger(__name__)


class SqlIndex(SearchIndex):
    """An index in SQLite, PostgreSQL, MySQL or MariaDB.

    :param url: where, in SQLAlchemy's form. ``ConfigError`` if it can't be one.
    """

    def __init__(self, url: str, registry: Registry) -> None:
        self._database = Database(parse_url(url))
        records = Records(self._database, registry)
        self._follower = Follower(registry, records)
        self.rebuild = Rebuild(registry, self._database, records)

    def search(self, query: str, page: int = 1, page_size: int = 25) -> SearchPage:
        """Ask the database."""
        try:
            with self._database.read() as session:
                return queries.search(session, query, page, page_size)
        except Conflict as error:
            raise IndexUnavailable(str(error)) from error

    def repositories(self, after: str, limit: int) -> list[str] | None:
        """Ask the database, as long as it can be asked and knows all of the storage.

        A push whose change it may lack has left a mark before it was answered, so that no name
        is missing that a client knows of.
        """
        try:
            if self._follower.is_behind() or not self.rebuild.is_complete():
                return None
            return self.rebuild.page(after, limit)
        except (IndexUnavailable, Conflict):
            return None

    def connect(self) -> None:
        """Follow the registry."""
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
                self.rebuild.run()
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
