"""The rows of the index end as the storage is, whatever the order of changes, in each database."""

from __future__ import annotations

import itertools
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from docker_registry.drivers.local import LocalDriver
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry, layout
from docker_registry.registry.names import RepositoryName, Tag
from docker_registry.search import comparison, models
from docker_registry.search import rebuild as rebuild_module
from docker_registry.search import records as module
from docker_registry.search.comparison import Comparison
from docker_registry.search.database import Conflict, Database, parse_url
from docker_registry.search.listed import ListedName
from docker_registry.search.rebuild import Rebuild
from docker_registry.search.records import Records
from docker_registry.search.sql import SqlIndex

APP = ListedName("app")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(parse_url(url))
    yield database
    database.close()


@pytest.fixture
def records(registry: Registry, legacy: LegacyStore, database: Database) -> Records:
    return Records(database, registry, legacy)


@pytest.fixture
def rebuild(
    registry: Registry, legacy: LegacyStore, database: Database, records: Records
) -> Rebuild:
    """Give what has to look at the storage, since it hears nothing of the registry."""
    return Rebuild(database, Comparison(database, registry, legacy), records)


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Give all that is in the database but for generated keys, times, and what they order."""
    engine = create_engine(parse_url(url))
    skipped = {"id", "repository_id", "manifest_id", "pushed"}
    with engine.connect() as connection:
        found = {
            table.name: sorted(
                tuple(row)
                for row in connection.execute(
                    select(*(column for column in table.c if column.name not in skipped))
                )
            )
            for table in models.Base.metadata.sorted_tables
        }
    engine.dispose()
    document = [column.name for column in models.Repository.__table__.c].index("document") - 1
    found["repositories"] = [
        (*row[:document], *sorted(str(row[document]).split()), *row[document + 1 :])
        for row in found["repositories"]
    ]
    return found


def test_changes_in_any_order_and_twice(rebuild, records, push, registry, url):
    one = push("app", "latest", title="one")
    two = push("app", "v2", title="two")
    gone = push("app", "v3", title="three")
    registry.manifests.delete(APP, gone.digest)
    rebuild.run()
    expected = rows(url)
    changes = [
        *((records.sync_manifest, manifest.digest) for manifest in (one, two, gone)),
        *((records.sync_tag, Tag(tag)) for tag in ("latest", "v2", "v3", "never")),
        (records.sync_repository,),
    ]
    orders = itertools.chain(
        [changes, changes[::-1]], (random.Random(seed).sample(changes, 8) for seed in range(4))
    )
    for order in orders:
        for change, *what in order + order[:3]:
            change(APP, *what)
        assert rows(url) == expected
    empty(url)
    for change, *what in changes[::-1][1:]:
        change(APP, *what)
    assert rows(url) == expected


def empty(url: str) -> None:
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(models.Tag.__table__.delete())
        connection.execute(models.V1Tag.__table__.delete())
        connection.execute(models.Platform.__table__.delete())
        connection.execute(models.Annotation.__table__.delete())
        connection.execute(models.Manifest.__table__.delete())
        connection.execute(models.Repository.__table__.delete())
    engine.dispose()


def test_texts_of_every_kind_are_kept(index, push, url):
    """MySQL takes texts that differ in spaces at the end for the same."""
    push("app", "latest", **{"k": "1", "k ": "2", "K": "3", "k\0": "4", "é": "5", "e": "6"})
    push("app", "v2", **{"k": "x" * 10_000, "l" * 300: "🐳" * 10_000})
    push("app", "v3", title="🐳" * 5000, description="\ud800\0'\"\\%")
    assert index.repair() is None
    assert index.repositories("", 10) == ["app"]
    assert list(index.rebuild.differences()) == []
    kept = dict(rows(url)["annotations"])
    assert kept["org.opencontainers.image.K"] == "3"
    assert kept["org.opencontainers.image.description"] == "?'\"\\%"


def test_two_writers_of_one_repository(rebuild, records, database, push, url):
    """One waits for the other, or is told to begin again; none is lost."""
    push("app", "v1")
    inside, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with database.write() as session:
            row = session.scalars(select(models.Repository).with_for_update()).one()
            inside.set()
            go_on.wait(30)
            row.title = "slow"

    rebuild.run()
    push("app", "v2", title="newest")
    threads = [
        threading.Thread(target=slow),
        threading.Thread(target=records.sync_tag, args=(APP, Tag("v2"))),
    ]
    threads[0].start()
    assert inside.wait(30)
    threads[1].start()
    threads[1].join(0.5)
    assert threads[1].is_alive(), "it did not wait"
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert list(rebuild.differences()) == []
    assert rows(url)["repositories"][0][2] == "newest"


def test_a_row_that_another_made_meanwhile_is_a_conflict(database):
    with database.write() as session:
        session.add(models.Repository(name="app", leaf="app"))
    with pytest.raises(Conflict), database.write() as session:
        session.add(models.Repository(name="app", leaf="app"))
        session.flush()
    # It says nothing against the database: the next one is asked.
    with database.read() as session:
        assert session.scalars(select(models.Repository.name)).all() == ["app"]


def test_rebuilding_beside_pushes(index, push, registry):
    for number in range(10):
        push(f"old{number}", "v1")

    def go_on_pushing() -> None:
        for number in range(20):
            manifest = push(f"new{number}", "v1")
            push(f"old{number % 10}", "v1", title=str(number))
            if number % 2:
                registry.manifests.delete(RepositoryName(f"new{number}"), manifest.digest)

    pusher = threading.Thread(target=go_on_pushing)
    pusher.start()
    while pusher.is_alive():
        index.rebuild.run()
    pusher.join()
    assert registry.driver.list(layout.PENDING) == []
    assert list(index.rebuild.differences()) == []
    expected = [*(f"new{n}" for n in range(0, 20, 2)), *(f"old{n}" for n in range(10))]
    assert index.repositories("", 1000) == sorted(expected)


PUSHER = """
import sys
from docker_registry.drivers.local import LocalDriver
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.registry.manifest import Manifest
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.search import writer
from docker_registry.search.sql import SqlIndex
_, url, store, number = sys.argv
writer.PATIENCE = 60
registry = Registry(LocalDriver(store))
index = SqlIndex(url, registry, LegacyStore(registry.driver))
index.connect()
content = ('{"schemaVersion": 2, "manifests": [], "annotations": {"by": "%s"}}' % number).encode()
manifest = Manifest.parse(content, Digest.of(content))
registry.manifests.put(RepositoryName(f"own/app{number}"), manifest, [Tag("latest")])
registry.manifests.put(RepositoryName("shared"), manifest, [Tag("latest"), Tag(f"v{number}")])
"""


def test_processes_that_push_at_once_into_an_empty_database(url: str, tmp_path: Path) -> None:
    store = tmp_path / "store"
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PUSHER, url, store, str(number)],
            stderr=subprocess.PIPE,
        )
        for number in range(6)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    registry = Registry(LocalDriver(store))
    index = SqlIndex(url, registry, LegacyStore(registry.driver))
    index.repair()
    assert index.repositories("", 10) == [*(f"own/app{number}" for number in range(6)), "shared"]
    assert [result.name for result in index.search("v3").results] == ["shared"]
    assert list(index.rebuild.differences()) == []
    index.prepare()


def test_pages_of_what_differs(rebuild, push, registry, monkeypatch, url):
    """More than is read or changed at a time, on either side alone and on both."""
    monkeypatch.setattr(comparison, "PAGE", 3)
    monkeypatch.setattr(module, "CHANGES_AT_ONCE", 2)
    for number in range(14):
        push("app", f"v{number}", title=str(number))
        push(f"app{number}", "v1")
    assert len(list(rebuild.differences())) == 4 * 14
    rebuild.run()
    assert list(rebuild.differences()) == []
    for number in range(0, 14, 2):
        registry.manifests.delete_tag(APP, Tag(f"v{number}"))
        registry.repositories.delete(RepositoryName(f"app{number}"))
        push("app", f"v{number + 1}", title="moved")
        push("app", f"w{number}", title=f"new {number}")
    expected = [*(f"app:v{n}" for n in range(14)), *(f"app:w{n}" for n in range(0, 14, 2))]
    different = {sentence.split(" ")[0] for sentence in rebuild.differences()}
    assert set(expected) <= different
    rebuild.run()
    assert list(rebuild.differences()) == []
    assert len(rows(url)["repositories"]) == 1 + 7


def test_what_is_the_same_is_read_without_a_lock(registry, legacy, push, tmp_path):
    """And of what differs some at a time is read with one, so that pushes get their turn."""
    file = tmp_path / "index.db"
    index = SqlIndex(f"sqlite:///{file}", registry, legacy)
    for number in range(100):
        push("app", f"v{number}")
    index.repair()
    push("app", "new")
    could_write: list[bool] = []
    get = registry.driver.get_content

    def read(path: str) -> bytes:
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                could_write.append(False)
            else:
                could_write.append(True)
        return get(path)

    registry.driver.get_content = read
    index.reconcile()
    registry.driver.get_content = get
    assert list(index.rebuild.differences()) == []
    assert could_write.count(True) > 100
    assert could_write.count(False) == 1


def test_what_the_operator_says_is_told_where_nothing_else_differs(rebuild, push, url):
    push("app", "latest", title="one", description="of the image")
    rebuild.run()
    engine = create_engine(parse_url(url))
    with engine.begin() as connection:
        said = {"name": "app", "description": "of the operator"}
        connection.execute(models.Description.__table__.insert().values(said))
    engine.dispose()
    rebuild.run()
    assert "of the operator" in rows(url)["repositories"][0]


def test_the_first_reading_goes_on_where_it_was_cut_off(
    rebuild, records, push, registry, monkeypatch, url
):
    monkeypatch.setattr(rebuild_module, "STEP", 2)
    for number in range(9):
        push(f"app{number}", "v1")
    looked: list[str] = []
    sync = records.sync_repository

    def look(repository: ListedName) -> None:
        if len(looked) == 5:
            raise ArithmeticError("killed")
        looked.append(repository)
        sync(repository)

    monkeypatch.setattr(records, "sync_repository", look)
    with pytest.raises(ArithmeticError):
        rebuild.go_on()
    assert not rebuild.is_complete()
    assert looked == [f"app{number}" for number in range(5)]
    looked.clear()
    rebuild.go_on()
    assert looked == [f"app{number}" for number in range(4, 9)]
    assert rebuild.is_complete()
    assert list(rebuild.differences()) == []
    records.reached("app3")
    assert rebuild.is_complete()
