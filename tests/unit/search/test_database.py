"""The database itself: its schema, and what becomes of its errors."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, select, text

from docker_registry.errors import ConfigError
from docker_registry.registry.selection import EVERYTHING
from docker_registry.search import database as module
from docker_registry.search import models
from docker_registry.search import query as queries
from docker_registry.search.base import IndexUnavailable
from docker_registry.search.database import Database, parse_url
from docker_registry.search.migrate import MIGRATIONS
from docker_registry.search.sql import SqlIndex
from tests.selections import selection


@pytest.fixture
def database(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Give a database whose waits are short."""
    monkeypatch.setattr(module, "LOCK_SECONDS", 1)
    monkeypatch.setattr(module, "BREAK_SECONDS", 1)
    database = Database(parse_url(url))
    yield database
    database.close()


def execute(url: str, statement: str) -> None:
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def names(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(models.Repository.name)))


def test_migrations_make_what_the_models_say(database, url):
    assert names(database) == []
    engine = create_engine(parse_url(url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, models.Base.metadata)
    engine.dispose()
    # Only the indexes of texts, which the models don't know, and the table of SQLite's.
    assert {str(difference[0]) for difference in differences} <= {"remove_table", "remove_index"}
    removed = {difference[1].name for difference in differences}
    assert all(name.startswith(("repositories_text", "ix_repositories_doc")) for name in removed)


def test_the_lock_of_another_is_waited_for_and_then_left_alone(database, url):
    with database.write() as session:
        session.add(models.Repository(name="app", leaf="app"))
    other = Database(parse_url(url))
    query = select(models.Repository).with_for_update()
    with other.write() as blocker:
        blocker.scalars(query).one()
        begin = time.monotonic()
        with pytest.raises(IndexUnavailable, match="locked"), database.write() as session:
            session.scalars(query).one()
        assert 0.5 < time.monotonic() - begin < 10
        # It says nothing against the database: reading goes on.
        assert names(database) == ["app"]
    with database.write() as session:
        session.scalars(query).one().title = "free again"
    other.close()


def test_the_schema_of_a_newer_version_is_left_alone(database, url):
    assert names(database) == []
    execute(url, "UPDATE alembic_version SET version_num = '9999'")
    newer = Database(parse_url(url))
    with pytest.raises(IndexUnavailable, match="up to date"):
        names(newer)
    # It isn't asked again at once.
    with pytest.raises(IndexUnavailable, match="a moment ago"):
        names(newer)
    execute(url, "UPDATE alembic_version SET version_num = '0003'")
    time.sleep(module.BREAK_SECONDS)
    assert names(newer) == []
    newer.close()


def test_an_index_of_an_earlier_release_is_taken_over(database, url, registry, legacy):
    """It knows nothing of V1, so that it reads the storage again."""
    engine = create_engine(parse_url(url))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    columns, row = "id, name, leaf, title, description, document", "7, 'app', 'app', 'kept', '', ''"
    execute(url, f"INSERT INTO repositories ({columns}) VALUES ({row})")
    execute(url, "UPDATE progress SET complete = true")
    assert names(database) == ["app"]
    index = SqlIndex(url, registry, legacy)
    assert not index.rebuild.is_complete()
    assert [result.description for result in index.search("").results] == ["kept"]
    registry.driver.put_content("repositories/library/old/tag_v1", b"1" * 64)
    index.repair()
    assert index.repositories("", 10) == ["old"]
    index.prepare()


def test_names_that_only_v1_has_are_told_from_others(database, url):
    """In an index of before there were users: who doesn't see everything doesn't see them."""
    engine = create_engine(parse_url(url))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    engine.dispose()
    for number, name in enumerate(["team/app", "team/App", "team/a b", "team"], 1):
        values = f"{number}, '{name}', 'app', '', '', ' {name} '"
        columns = "id, name, leaf, title, description, document"
        execute(url, f"INSERT INTO repositories ({columns}) VALUES ({values})")
    with database.read() as session:
        assert names_for(session, selection("team/**")) == ["team", "team/app"]
        assert names_for(session, EVERYTHING) == ["team", "team/App", "team/a b", "team/app"]


def names_for(session, chosen):
    return sorted(result.name for result in queries.search(session, "", 1, 10, chosen).results)


def test_a_database_that_was_emptied_is_made_again(database, url):
    with database.write() as session:
        session.add(models.Repository(name="app", leaf="app"))
    for table in (*reversed(models.Base.metadata.sorted_tables), "repositories_text"):
        execute(url, f"DROP TABLE IF EXISTS {table}")
    execute(url, "DROP TABLE alembic_version")
    with pytest.raises(IndexUnavailable):
        names(database)
    time.sleep(module.BREAK_SECONDS)
    assert names(database) == []


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("postgres://u@h/d", "postgresql+psycopg"),
        ("postgresql://u@h/d", "postgresql+psycopg"),
        ("mysql://u@h/d", "mysql+pymysql"),
        ("mariadb://u@h/d", "mariadb+pymysql"),
        ("sqlite:////tmp/x.db", "sqlite"),
    ],
)
def test_urls_of_old_configurations_get_a_driver_that_is_installed(text, driver):
    assert parse_url(text).drivername == driver
    Database(parse_url(text)).close()


@pytest.mark.parametrize(
    ("driver", "url", "extra"),
    [
        ("psycopg", "postgresql://u@h/d", "postgresql"),
        ("pymysql", "mysql://u@h/d", "mysql"),
    ],
)
def test_a_driver_that_is_missing_is_named(monkeypatch, driver, url, extra):
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(ConfigError, match=rf"{driver}.*docker-registry\[{extra}\]"):
        Database(parse_url(url))


def test_a_server_that_is_away_is_not_asked_again_at_once(monkeypatch):
    database = Database(parse_url("postgresql://nobody@127.0.0.1:9/none"))
    with pytest.raises(IndexUnavailable, match="fails"):
        names(database)
    begin = time.monotonic()
    for _ in range(100):
        with pytest.raises(IndexUnavailable, match="a moment ago"):
            names(database)
    assert time.monotonic() - begin < 1
