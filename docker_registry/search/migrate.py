"""Bring the database's schema up to date, whoever else is about to do the same.

Any number of workers on any number of nodes may start at once. One of them migrates, under a lock
that ends with its process, and the others find it done.
"""

from __future__ import annotations

import fcntl
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
#: Names the lock among the other locks of a database server: "docker-registry index" in hex digits
#: would be too long for PostgreSQL, whose lock is a number.
LOCK_NUMBER = 0x646F636B6572
LOCK_NAME = "docker-registry-index"
#: How long to wait for another process to migrate, in seconds.
WAIT_SECONDS = 60

#: Alembic keeps what it works on in global variables.
_one_thread = threading.Lock()


def migrate(engine: Engine, *, damaged: bool = False) -> None:
    """Bring the schema up to date.

    :param damaged: an SQLite file turned out not to be sound: if it is so, it is set aside and
        an empty one takes its place, for all in it can be made again.
    :raises sqlalchemy.exc.SQLAlchemyError: the database can't be used.
    :raises alembic.util.CommandError: the schema is that of a newer version.
    """
    with _one_thread:
        if engine.dialect.name == "sqlite":
            _migrate_file(engine, Path(engine.url.database or "").absolute(), damaged)
        else:
            _migrate_server(engine)


def _migrate_file(engine: Engine, file: Path, damaged: bool) -> None:
    if not damaged and file.exists():
        with engine.connect() as connection:
            if _is_current(connection):
                return
    with _file_lock(file.with_name(f"{file.name}.lock")):
        if damaged and not _is_sound(engine):
            _set_aside(file)
        with engine.connect() as connection:
            # Outside of any transaction, and not by each connection: it needs the file for itself.
            connection.connection.dbapi_connection.execute(  # type: ignore[union-attr]
                "PRAGMA journal_mode = WAL"
            )
        with engine.execution_options(writes=True).begin() as connection:
            _upgrade(connection)


def _migrate_server(engine: Engine) -> None:
    with engine.connect() as connection:
        if _is_current(connection):
            return
        connection.rollback()
        postgresql = engine.dialect.name == "postgresql"
        if postgresql:
            connection.execute(text(f"SET lock_timeout = '{WAIT_SECONDS}s'"))
            connection.execute(text("SELECT pg_advisory_lock(:id)"), {"id": LOCK_NUMBER})
        else:
            held = connection.scalar(
                text("SELECT GET_LOCK(:name, :seconds)"),
                {"name": LOCK_NAME, "seconds": WAIT_SECONDS},
            )
            if not held:
                raise TimeoutError("another process has been migrating the index for too long")
        try:
            connection.commit()
            _upgrade(connection)
            connection.commit()
        finally:
            # The lock belongs to the connection: closing that lets go of it, whatever happened.
            connection.invalidate()


def _is_current(connection: Connection) -> bool:
    return MigrationContext.configure(connection).get_current_heads() == _heads()


def _heads() -> tuple[str, ...]:
    return tuple(ScriptDirectory(str(MIGRATIONS)).get_heads())


def _upgrade(connection: Connection) -> None:
    if _is_current(connection):
        return
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    log.info("the index's database has schema %s", ", ".join(_heads()))


def _is_sound(engine: Engine) -> bool:
    try:
        with engine.connect() as connection:
            return bool(connection.scalar(text("PRAGMA quick_check(1)")) == "ok")
    except DatabaseError:
        return False


def _set_aside(file: Path) -> None:
    for part in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        if part.exists():
            part.replace(part.with_name(f"{part.name}.damaged"))
    log.error("%s was damaged and is now %s.damaged: the index is made anew", file, file.name)


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
