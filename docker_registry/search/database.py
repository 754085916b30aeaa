"""The database behind the index: its URL, connections, transactions, and what its errors mean."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    SQLAlchemyError,
)
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from docker_registry.errors import ConfigError
from docker_registry.search.base import IndexUnavailable

log = logging.getLogger(__name__)

#: How long one statement waits for another's lock, in seconds.
LOCK_SECONDS = 5
#: Connections to SQLite's file that a process keeps open; each takes up to 2 MiB.
FILE_CONNECTIONS = 4
#: How long a database that failed isn't asked again, in seconds.
BREAK_SECONDS = 5

_WHERE = "sqlalchemy_index_database (SQLALCHEMY_INDEX_DATABASE)"
#: What 0.9's URLs leave out, and the driver that an extra of this package installs for it.
_DRIVERS = {
    "postgres": ("postgresql+psycopg", "postgresql"),
    "postgresql": ("postgresql+psycopg", "postgresql"),
    "mysql": ("mysql+pymysql", "mysql"),
    "mariadb": ("mariadb+pymysql", "mysql"),
}
#: Deadlock, failed serialization: PostgreSQL's SQLSTATEs and MySQL's numbers.
_CONFLICTS = frozenset({"40001", "40P01", 1213})
#: Waited too long for a lock: what SQLite says, PostgreSQL's SQLSTATE and MySQL's number.
_LOCKED = frozenset({"database is locked", "55P03", 1205})


class Conflict(Exception):
    """Two transactions met, and this one gave way: do it again."""


def parse_url(text: str) -> URL:
    """Read the URL of the index's database; ``ConfigError`` says what would be right."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise ConfigError(
            f"{_WHERE} must be a database URL such as sqlite:////var/lib/registry/index.db or "
            "postgresql://user:password@host/database"
        ) from None
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConfigError(
            f"{_WHERE} must name a file, as in sqlite:////var/lib/registry/index.db: workers "
            "can't share a database in memory"
        )
    if url.drivername in _DRIVERS:
        url = url.set(drivername=_DRIVERS[url.drivername][0])
    return url


class Database:
    """Connections to the index's database, for the threads of any process.

    Making one doesn't connect. The schema is looked at, and brought up to date, before the first
    transaction, and again after any failure: the database may have been replaced meanwhile.

    :param url: see ``parse_url``.
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self._engine = _make_engine(url)
        self._writing = self._engine.execution_options(writes=True)
        self._migrated = False
        self._damaged = False
        self._broken_until = 0.0

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a transaction that only reads; ``IndexUnavailable`` if that can't be done."""
        with self._session(self._engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a transaction that is committed at the end.

        :raises Conflict: another transaction came first; nothing was changed.
        :raises IndexUnavailable: it can't be done; nothing was changed.
        """
        with self._session(self._writing) as session:
            yield session
            session.commit()

    def close(self, *, forked: bool = False) -> None:
        """Let go of all connections; after a fork, of those that belong to the parent."""
        self._engine.dispose(close=not forked)

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        if time.monotonic() < self._broken_until:
            raise IndexUnavailable("the index's database failed a moment ago")
        try:
            self._migrate()
            with Session(engine) as session:
                yield session
        except SQLAlchemyError as error:
            raise self._translate(error) from error

    def _migrate(self) -> None:
        if self._migrated:
            return
        # Alembic and its templates take their time to import; who doesn't search needn't wait.
        from docker_registry.search.migrate import migrate  # noqa: PLC0415

        try:
            migrate(self._engine, damaged=self._damaged)
        except SQLAlchemyError:
            raise
        except Exception as error:
            self._broken_until = time.monotonic() + BREAK_SECONDS
            log.error("the index's database can't be brought up to date: %s", error)
            raise IndexUnavailable("the index's database can't be brought up to date") from error
        self._migrated, self._damaged = True, False

    def _translate(self, error: SQLAlchemyError) -> Exception:
        cause = error.orig if isinstance(error, DBAPIError) else None
        # PyMySQL gives a number and, in newer versions, an SQLSTATE that says less.
        codes = {getattr(cause, "sqlstate", None), *getattr(cause, "args", ())[:1]}
        if isinstance(error, IntegrityError) or codes & _CONFLICTS:
            return Conflict(str(cause))
        if codes & _LOCKED:
            return IndexUnavailable("another process keeps the index's database locked")
        if isinstance(error, DBAPIError):
            self._migrated = False
            self._damaged = getattr(cause, "sqlite_errorname", "") in (
                "SQLITE_CORRUPT",
                "SQLITE_CORRUPT_VTAB",
                "SQLITE_NOTADB",
            )
        if time.monotonic() >= self._broken_until:
            log.error("the index's database fails: %s", cause or error)
        self._broken_until = time.monotonic() + (0 if self._damaged else BREAK_SECONDS)
        return IndexUnavailable("the index's database fails")


def _make_engine(url: URL) -> Engine:
    backend = url.get_backend_name()
    options: dict[str, Any]
    if backend == "sqlite":
        # Kept open, they spare each push a checkpoint: who closes the last one writes it (SQLite's
        # documentation, "Write-Ahead Logging", section 2.1). More than are kept are closed.
        options = {"pool_size": FILE_CONNECTIONS, "max_overflow": -1}
        options["connect_args"] = {"timeout": LOCK_SECONDS}
    else:
        options = {"pool_pre_ping": True, "pool_recycle": 1800, "pool_size": 10}
        options["isolation_level"] = "READ COMMITTED"
        options["connect_args"] = _server_timeouts(backend)
    try:
        engine = create_engine(url, **options)
    except ModuleNotFoundError as error:
        extra = next((e for d, e in _DRIVERS.values() if d == url.drivername), None)
        mend = f": pip install 'docker-registry[{extra}]'" if extra else ""
        raise ConfigError(f"{_WHERE} needs the Python module {error.name}{mend}") from None
    except (ArgumentError, SQLAlchemyError) as error:
        raise ConfigError(f"{_WHERE} can't be used: {error}") from None
    if backend == "sqlite":
        event.listen(engine, "do_connect", _make_directory)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "checkout", _check_file)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _server_timeouts(backend: str) -> dict[str, Any]:
    """Give what keeps a server that hangs from holding a thread, in seconds."""
    if backend == "postgresql":
        limits = f"-c lock_timeout={LOCK_SECONDS}s -c statement_timeout=60s"
        return {"connect_timeout": LOCK_SECONDS, "options": limits}
    limits = f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}"
    timeouts = {"connect_timeout": LOCK_SECONDS, "read_timeout": 60, "write_timeout": 60}
    return {**timeouts, "init_command": limits}


def _make_directory(_dialect: object, _record: object, arguments: list[Any], _: object) -> None:
    Path(arguments[0]).parent.mkdir(parents=True, exist_ok=True)


def _prepare_sqlite(connection: Any, record: ConnectionPoolEntry) -> None:
    # SQLAlchemy's documentation, "Serializable isolation / Savepoints / Transactional DDL": the
    # module must not begin transactions by itself, so that _begin_sqlite can.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    record.info["path"], record.info["file"] = path, _identity(path)


def _check_file(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
    # A connection must not outlive a file that was removed or replaced. The pool makes a new one.
    if record.info["file"] != _identity(record.info["path"]):
        raise DisconnectionError("another file is there now")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _begin_sqlite(connection: Connection) -> None:
    # Who reads first and writes later is refused without waiting if another wrote in between, so
    # who writes takes the lock at once.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
