"""Repositories of V1 in the index, beside today's and together with them."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from docker_registry.errors import NameInvalid, Unavailable
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry, layout
from docker_registry.registry.names import RepositoryName
from docker_registry.search.listed import ListedName
from docker_registry.search.sql import SqlIndex
from tests.unit.search.conftest import IMAGE, OTHER_IMAGE

#: Its quoted form is too long to be the name of a directory.
LONG = "team-" + "a" * 100 + "/" + " b" * 60


def names(index: SqlIndex, query: str = "") -> list[str]:
    return [result.name for result in index.search(query).results]


def test_search_and_catalog(index, v1, push):
    v1.put("library/ubuntu", "14.04", "latest")
    v1.put("team/old", "v1")
    v1.put("a/b/c", "v1")
    v1.put("library/a/b", "v1")
    push("team/new", "v1")
    assert names(index, "ubuntu") == ["ubuntu"]
    assert names(index, "14.04") == ["ubuntu"]
    assert names(index, "team") == ["team/new", "team/old"]
    expected = ["a/b/c", "library/a/b", "team/new", "team/old", "ubuntu"]
    assert index.repositories("", 10) == expected
    assert index.repositories("library/a/b", 2) == expected[2:4]
    assert list(index.rebuild.differences()) == []


def test_names_that_are_none_today(index, v1):
    """Search shows them, but the catalog's clients could not ask for them."""
    for name in ("Team/App", "library/Bare", "with space/x+y~%", "b/x", "c/x"):
        v1.put(name, "v1")
    # MySQL could not tell them apart.
    v1.put("b/x ", "v1")
    assert index.repositories("", 1) == ["b/x"]
    assert index.repositories("b/x", 1) == ["c/x"]
    assert index.repositories("", 10) == ["b/x", "c/x"]
    expected = ["Team/App", "b/x", "c/x", "library/Bare", "with space/x+y~%"]
    assert names(index) == expected
    assert names(index, "app team") == ["Team/App"]
    assert list(index.rebuild.differences()) == []
    index.reconcile()
    assert names(index) == expected


def test_one_entry_for_both_which_goes_with_the_last(index, v1, push, registry):
    todays = push("app", "new", description="today's")
    v1.put("app", "old", "older")
    assert [(r.name, r.description) for r in index.search("app").results] == [("app", "today's")]
    assert names(index, "new older") == ["app"]
    v1.delete("app", "older")
    assert names(index, "older") == []
    registry.manifests.delete(RepositoryName("app"), todays.digest)
    assert index.repositories("", 10) == ["app"]
    assert names(index, "old") == ["app"]
    push("app", "new")
    v1.delete("app")
    assert names(index, "old") == []
    assert index.repositories("", 10) == ["app"]
    registry.repositories.delete(RepositoryName("app"))
    assert index.repositories("", 10) == []
    assert not any(index.rebuild.counts().values())


def test_rebuild_and_check_of_a_store_of_0_9(index, legacy, push):
    """It was written before there was an index."""
    put = legacy.driver.put_content
    for path, content in {
        "library/busybox/tag_latest": IMAGE,
        "library/busybox/taglatest_json": "{}",
        "library/busybox/json": "{}",
        "library/busybox/_index_images": "[]",
        "a/b%252Fc/tag_1": IMAGE,
        "Team/app/tag_1": IMAGE,
        "team/empty/_index_images": "[]",
        "team/phantom/tag_x_json": "{}",
        "team/odd/tag_a+b": IMAGE,
        # Of versions before 0.8.1, which 0.9 didn't find either.
        "old/b%2Fc/tag_1": IMAGE,
    }.items():
        put(f"repositories/{path}", content.encode())
    push("new", "v1")
    assert index.repositories("", 10) == ["new"]
    said = list(index.rebuild.differences())
    assert len(said) == 3
    assert said[0] == f"V1's Team/app:1 is None in the index and {IMAGE} in the storage"
    index.rebuild.run()
    assert list(index.rebuild.differences()) == []
    assert index.repositories("", 10) == ["a/b/c", "busybox", "new"]
    assert names(index) == ["Team/app", "a/b/c", "busybox", "new"]
    # What changes behind the index's back is found in the same way.
    put("repositories/a/b%252Fc/tag_1", OTHER_IMAGE.encode())
    legacy.driver.delete("repositories/library/busybox")
    assert len(list(index.rebuild.differences())) == 2
    index.reconcile()
    assert list(index.rebuild.differences()) == []
    assert names(index) == ["Team/app", "a/b/c", "new"]


def test_changes_in_any_order_and_twice(index, v1, push):
    v1.put("app", "gone", "kept", "moved")
    v1.delete("app", "gone")
    v1.put("app", "moved", image=OTHER_IMAGE)
    push("app", "todays")
    records = index._follower._records
    app = ListedName("app")
    changes = [
        (records.sync_v1_tag, app, "gone"),
        (records.sync_v1_tag, app, "moved"),
        (records.sync_repository, app),
    ]
    for order in itertools.permutations(changes):
        for change, *what in order:
            change(*what)
        assert list(index.rebuild.differences()) == []
    assert index.rebuild.counts()["v1_tags"] == 2


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


@pytest.fixture
def late(registry: Registry, legacy: LegacyStore, file: Path) -> SqlIndex:
    """Give an index that follows the stores as it does in production, and is complete."""
    index = SqlIndex(f"sqlite:///{file}", registry, legacy)
    index.connect()
    index.repair()
    return index


@pytest.fixture
def locked(late: SqlIndex, file: Path) -> Iterator[sqlite3.Connection]:
    """Give the connection that keeps the database from being written."""
    with closing(sqlite3.connect(file, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        yield blocker


def test_what_was_missed_is_brought_in(locked, late, v1, registry):
    v1.put("library/x", "v1")
    v1.put("Team/App", "v1")
    v1.put("library/gone", "v1")
    v1.delete("library/gone")
    assert sorted(registry.driver.list(layout.PENDING)) == ["Team%2FApp", "gone", "x"]
    assert late.repositories("", 10) is None
    locked.execute("ROLLBACK")
    late.repair()
    assert registry.driver.list(layout.PENDING) == []
    assert names(late) == ["Team/App", "x"]
    assert late.repositories("", 10) == ["x"]


def test_marks_of_long_names(locked, late, v1, registry, legacy):
    v1.put(LONG, "v1")
    v1.put("~/~", "v1")
    marked = registry.driver.list(layout.PENDING)
    assert len(marked) == 2
    assert all(len(directory) <= 255 for directory in marked)
    registry.driver.put_content(f"{layout.PENDING}/~nonsense/x", b"app")
    locked.execute("ROLLBACK")
    late.repair()
    assert registry.driver.list(layout.PENDING) == ["~nonsense"]
    assert set(names(late)) == {LONG, "~/~"}


def test_a_mark_of_an_earlier_release(late, v1, registry, monkeypatch):
    """It holds nothing."""
    registry.driver.put_content("repositories/team/app/tag_v1", IMAGE.encode())
    registry.driver.put_content(f"{layout.PENDING}/team%2Fapp/mark", b"")
    late.repair()
    assert names(late) == ["team/app"]
    assert registry.driver.list(layout.PENDING) == []


def test_a_storage_that_fails_leaves_a_mark(late, v1, registry, monkeypatch):
    v1.put("app", "v1")

    def fail(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr("docker_registry.legacy.repositories.Repositories.tag", fail)
        v1.put("app", "v2")
    assert registry.driver.list(layout.PENDING) == ["app"]
    late.repair()
    assert names(late, "v2") == ["app"]


def test_a_process_that_is_killed_before_the_index_knows(late, registry):
    """The storage was changed, and nobody told."""
    registry.driver.put_content("repositories/team/app/tag_v1", IMAGE.encode())
    late.reconcile()
    assert names(late) == ["team/app"]
    registry.driver.delete("repositories/team/app")
    late.reconcile()
    assert names(late) == []


@pytest.mark.parametrize("text", ["X", "a/b ", "", "a//b", "a/b/", "a/../b"])
def test_what_no_repository_is_listed_as(text):
    with pytest.raises(NameInvalid):
        ListedName.parse(text)
