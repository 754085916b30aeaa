"""What a push waits for, and what it leaves behind when the index can't follow."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry, layout
from docker_registry.registry.names import RepositoryName, Tag
from docker_registry.search import writer
from docker_registry.search.base import IndexUnavailable
from docker_registry.search.database import LOCK_SECONDS, Database, parse_url
from docker_registry.search.follower import Follower
from docker_registry.search.listed import ListedName
from docker_registry.search.records import Records
from docker_registry.search.sql import SqlIndex

#: How often the steady pushes come, in seconds: more often than the pause is long.
STEADY = 0.2


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


@pytest.fixture
def index(registry: Registry, legacy: LegacyStore, file: Path) -> SqlIndex:
    """Give an index that follows the registry as it does in production, and is complete."""
    index = SqlIndex(f"sqlite:///{file}", registry, legacy)
    index.connect()
    index.repair()
    return index


@pytest.fixture
def locked(index: SqlIndex, file: Path) -> Iterator[sqlite3.Connection]:
    """Give the connection that keeps the database from being written."""
    with closing(sqlite3.connect(file, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        yield blocker


def marks(registry: Registry) -> list[str]:
    return sorted(registry.driver.list(layout.PENDING))


def test_one_push_waits_a_moment_and_those_behind_it_not_at_all(locked, push, registry):
    begin = time.monotonic()
    push("team/one", "v1", "v2", "v3")
    first = time.monotonic() - begin
    for number in range(10):
        push(f"more{number}", "v1")
    rest = time.monotonic() - begin - first
    assert first >= writer.PATIENCE
    assert first < writer.PATIENCE * 2
    assert rest < writer.PATIENCE * 2  # for ten pushes with two changes each
    assert len(marks(registry)) == 11
    assert "team%2Fone" in marks(registry)


def test_what_was_missed_is_brought_in(locked, index, push, registry):
    push("team/app", "v1", title="brought in")
    push("other", "v1")
    assert index.search("brought").total == 0
    locked.execute("ROLLBACK")
    index.repair()
    assert marks(registry) == []
    assert index.search("brought").results[0].name == "team/app"
    assert index.repositories("", 10) == ["other", "team/app"]


def test_the_pause_ends_while_pushes_go_on(locked, index, push, registry, monkeypatch):
    monkeypatch.setattr(writer, "PAUSE", 1.0)
    push("missed", "v1")
    locked.execute("ROLLBACK")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        push("steady", "v1")
        index.repair()
        push("steady", "v2")
        if not marks(registry):
            break
        time.sleep(STEADY)
    assert marks(registry) == []


def test_searching_goes_on_while_the_database_is_locked(index, push, registry, file):
    push("before", "v1")
    index.repair()
    with closing(sqlite3.connect(file, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        begin = time.monotonic()
        assert [result.name for result in index.search("before").results] == ["before"]
        assert time.monotonic() - begin < LOCK_SECONDS


def test_a_queue_that_is_full_takes_no_more(locked, index, push, registry, monkeypatch):
    monkeypatch.setattr(writer, "QUEUE", 2)
    before = threading.active_count()
    for number in range(20):
        push(f"app{number}", "v1")
    assert len(marks(registry)) == 20
    assert threading.active_count() <= before + 1
    locked.execute("ROLLBACK")
    index.repair()
    assert marks(registry) == []
    assert list(index.rebuild.differences()) == []


class Broken(Records):
    """An index whose changes fail in a way that nobody has thought of."""

    def sync_manifest(self, *_: object) -> None:
        raise ArithmeticError("unthought of")

    sync_tag = sync_push = sync_manifest


def test_any_failure_leaves_a_mark(registry, legacy, push, file):
    database = Database(parse_url(f"sqlite:///{file}"))
    following = Follower(registry, legacy, Broken(database, registry, legacy))
    following.connect()
    push("app", "v1")
    assert marks(registry) == ["app"]
    assert following.is_behind()
    assert following.repair() == 1
    assert not following.is_behind()


def test_a_mark_that_is_left_meanwhile_stays(registry, legacy, push, file):
    """At any instant: while the storage is read, and while the marks are removed."""
    directory = layout.pending("team/app")

    class Late(Records):
        """Is told of another change while it looks."""

        def sync_repository(self, repository: ListedName) -> None:
            super().sync_repository(repository)
            registry.driver.put_content(f"{directory}/another", b"")

    database = Database(parse_url(f"sqlite:///{file}"))
    registry.driver.put_content(f"{directory}/one", b"")
    remove = registry.driver.delete

    def leave_one_more(path: str) -> None:
        registry.driver.put_content(f"{directory}/last", b"")
        remove(path)

    registry.driver.delete = leave_one_more
    assert Follower(registry, legacy, Late(database, registry, legacy)).repair() == 1
    assert registry.driver.list(directory) == ["another", "last"]
    registry.driver.delete = remove
    assert Follower(registry, legacy, Records(database, registry, legacy)).repair() == 1
    assert marks(registry) == []


def test_marks_that_are_none_are_left_alone(index, push, registry):
    registry.driver.put_content(f"{layout.PENDING}/Not a name/x", b"")
    push("app", "v1")
    index.repair()
    assert marks(registry) == ["Not a name"]


class TestDamage:
    """The database's file is overwritten with something else."""

    GARBAGE = b"This is no database. " * 1000

    def recovers(self, index: SqlIndex, *names: str) -> None:
        deadline = time.monotonic() + 30
        while index.repositories("", 10) != sorted(names):
            assert time.monotonic() < deadline
            index.repair()
            time.sleep(0.2)
        assert [result.name for result in index.search("").results] == sorted(names)
        assert list(index.rebuild.differences()) == []

    def test_at_start(self, registry, legacy, push, file):
        file.write_bytes(self.GARBAGE)
        index = SqlIndex(f"sqlite:///{file}", registry, legacy)
        index.prepare()
        index.connect()
        push("app", "v1")
        self.recovers(index, "app")
        assert file.with_name("index.db.damaged").read_bytes() == self.GARBAGE

    def test_in_the_middle(self, index, push, registry, file):
        """Other processes hold the file open, so that its write-ahead log is there still."""
        push("before", "v1")
        index.repair()
        with closing(sqlite3.connect(file)) as other:
            assert other.execute("SELECT name FROM repositories").fetchall() == [("before",)]
            assert file.with_name("index.db-wal").exists()
            file.write_bytes(self.GARBAGE)
            push("after", "v1")
            try:
                found = {result.name for result in index.search("").results}
            except IndexUnavailable:
                found = set()
            assert found <= {"before", "after"}
            self.recovers(index, "before", "after")

    def test_in_a_page(self, index, push, registry, file):
        for number in range(50):
            push(f"app{number}", "v1", title="x" * 500)
        with closing(sqlite3.connect(file)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = file.stat().st_size
        with file.open("r+b") as content:
            content.seek(4096)
            content.write(b"\xff" * (size - 4096))
        push("after", "v1")
        deadline = time.monotonic() + 30
        while index.repositories("", 1) is None or index.search("after").total != 1:
            assert time.monotonic() < deadline
            index.repair()
            time.sleep(0.2)
        assert index.search("", page_size=1).total == 51

    def test_removed(self, index, push, registry, file):
        push("before", "v1")
        for part in file.parent.glob("index.db*"):
            part.unlink()
        registry.manifests.delete_tag(RepositoryName("before"), Tag("v1"))
        self.recovers(index, "before")
