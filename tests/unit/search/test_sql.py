"""The index in SQLite, PostgreSQL and MariaDB: what is found, and in which order."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from docker_registry.drivers.local import LocalDriver
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry, layout
from docker_registry.registry.manifest import Manifest
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.search import candidates
from docker_registry.search.base import IndexUnavailable
from docker_registry.search.database import parse_url
from docker_registry.search.sql import SqlIndex


def names(index: SqlIndex, query: str, **page: int) -> list[str]:
    return [result.name for result in index.search(query, **page).results]


def test_best_first(index, push):
    for name in ("xredisx", "my-redis", "redis-cache", "team/redis", "redis", "redis/tools"):
        push(name, "v1")
    push("cache", "redis")
    assert names(index, "redis") == [
        "redis",  # the whole name
        "team/redis",  # its last component
        "redis-cache",  # the name begins with it
        "redis/tools",
        "cache",  # a whole word
        "my-redis",
        "xredisx",  # a part of one
    ]
    assert names(index, "REDIS my") == ["my-redis"]
    assert names(index, "redis nothing") == []


def test_of_very_many_matches_some_are_ranked(index, push, monkeypatch):
    monkeypatch.setattr(candidates, "MAX_CANDIDATES", 3)
    for number in range(6):
        push(f"team/a-redis-{number}", "v1")
    assert index.search("redis").total == 3
    for name in ("team/redis", "redis-b", "redis-a", "redis"):
        push(name, "v1")
    # Those that are named so are among the results, however many are found before them.
    best = ["redis", "team/redis", "redis-a", "redis-b"]
    others = [f"team/a-redis-{number}" for number in range(3)]
    assert names(index, "redis") == best + others
    pages = [names(index, "redis", page=page, page_size=3) for page in (1, 2, 3, 4)]
    assert [name for page in pages for name in page] == best + others
    assert {index.search("redis", page=page).total for page in (1, 2, 4)} == {7}
    # What matches all words is not passed over for what matches some.
    assert names(index, "redis-5 team") == ["team/a-redis-5"]


@pytest.mark.parametrize(
    "special", ["%", "_", "!", '"', "'", "\\", "*", "(", "a_b", "a%b", "-", "^"]
)
def test_special_characters_are_plain(index, push, special):
    push("plain", "v1", title="axb c")
    push("special", "v1", title=f"before{special}after")
    assert names(index, f"before{special}after") == ["special"]
    assert names(index, special) == ["special"]


def test_any_query_is_answered(index, push):
    push("team/app", "v1", title="Ünïcode 🐳 sign")

    @settings(
        max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.text(max_size=60), st.integers(1, 5))
    def ask(query: str, page: int) -> None:
        index.search(query, page=page)

    ask()
    assert names(index, "ÜNÏCODE") == ["team/app"]
    assert names(index, "🐳") == ["team/app"]
    assert names(index, "\0") == []
    assert names(index, "a" * 100_000) == []
    push("whales", "v1", title="🐳" * 1000)
    assert names(index, " ".join("🐳" * (1000 - number) for number in range(32))) == ["whales"]


def test_an_empty_query_lists_all_page_by_page(index, push):
    for name in ("c", "a", "b"):
        push(name)
    assert names(index, "") == ["a", "b", "c"]
    assert names(index, " ", page=2, page_size=2) == ["c"]
    assert index.search("", page_size=2).total == 3


def test_names_in_byte_order(index, push):
    expected = sorted(["a", "a-b", "a.b", "a/b", "a/b/c", "a0", "a_b", "b"])
    for name in expected:
        push(name)
    assert index.repositories("", 100) == expected
    for size in (1, 3, 8):
        seen, last = [], ""
        while page := index.repositories(last, size):
            seen += page
            last = page[-1]
        assert seen == expected
    assert index.repositories("a/a", 2) == ["a/b", "a/b/c"]


def test_latest_speaks_for_a_repository(index, push, registry):
    push("app", "latest", description="the latest")
    push("app", "v2", description="another")
    assert index.search("app").results[0].description == "the latest"
    registry.manifests.delete_tag(RepositoryName("app"), Tag("latest"))
    assert index.search("app").results[0].description == "another"
    # Within the same second, the one that was pushed last.
    for tag in ("v9", "v1"):
        push("app", tag, description=tag)
        assert index.search("app").results[0].description == tag


def test_deleting(index, push, registry):
    one, two = push("app", "v1", title="one"), push("app", "v2", title="two")
    registry.manifests.delete(RepositoryName("app"), one.digest)
    counts = {"repositories": 1, "tags": 1, "manifests": 1, "platforms": 0, "v1_tags": 0}
    assert index.rebuild.counts() == counts
    registry.manifests.delete(RepositoryName("app"), two.digest)
    assert index.rebuild.counts() == dict.fromkeys(counts, 0)


def test_rebuild_and_check(index, push, registry, url):
    push("kept", "v1")
    gone = push("gone", "v1")
    index.rebuild.run()
    assert list(index.rebuild.differences()) == []
    # Behind the index's back.
    registry.driver.delete(layout.manifests("gone"))
    registry.driver.delete(layout.tag(RepositoryName("kept"), Tag("v1")))
    registry.driver.put_content(
        layout.revision_link(RepositoryName("new"), gone.digest), gone.digest.encode()
    )
    said = list(index.rebuild.differences())
    assert len(said) == 4
    assert any(sentence.startswith("kept:v1 is sha256:") for sentence in said)
    index.rebuild.run()
    assert list(index.rebuild.differences()) == []
    assert index.repositories("", 10) == ["kept", "new"]
    registry.driver.delete(layout.revision_link(RepositoryName("new"), gone.digest))
    index.reconcile()
    assert index.repositories("", 10) == ["kept"]


def test_many_pushes_at_once(index, push, registry):
    def work(number: int) -> None:
        for i in range(5):
            push("shared", f"v{i}", title=f"{number} {i}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deadline = time.monotonic() + 60
    while list(index.rebuild.differences()) and time.monotonic() < deadline:
        index.repair()
        time.sleep(0.2)
    assert list(index.rebuild.differences()) == []


START = """
import sys
from docker_registry.drivers.local import LocalDriver
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.search.sql import SqlIndex
registry = Registry(LocalDriver(sys.argv[2]))
index = SqlIndex(sys.argv[1], registry, LegacyStore(registry.driver))
index.prepare()
assert index.search("").total == 0
"""


@pytest.mark.parametrize("legacy", [False, True])
def test_many_processes_start_at_once(url, tmp_path, legacy):
    """On an empty database, and on one that docker-registry 0.9 left."""
    if legacy:
        engine = create_engine(parse_url(url))
        with engine.begin() as connection:
            for statement in (
                "CREATE TABLE version (id INTEGER PRIMARY KEY)",
                "INSERT INTO version VALUES (1)",
                """
                CREATE TABLE repository (
                    id INTEGER PRIMARY KEY,
                    name VARCHAR(95) NOT NULL UNIQUE,
                    description VARCHAR(100))
                """,
                "INSERT INTO repository VALUES (1, 'library/app', 'said long ago')",
                "INSERT INTO repository VALUES (2, 'library/silent', NULL)",
            ):
                connection.execute(text(statement))
        engine.dispose()
    store = tmp_path / "store"
    processes = [
        subprocess.Popen([sys.executable, "-c", START, url, store], stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    if legacy:
        registry = Registry(LocalDriver(store))
        index = SqlIndex(url, registry, LegacyStore(registry.driver))
        index.connect()
        _push_empty(registry, "app")
        assert index.search("long").results[0].description == "said long ago"
        index.prepare()


def _push_empty(registry: Registry, name: str) -> None:
    content = b'{"schemaVersion": 2, "manifests": []}'
    registry.manifests.put(
        RepositoryName(name), Manifest.parse(content, Digest.of(content)), [Tag("v1")]
    )


class TestTrouble:
    """What pushes and searches do while the database has trouble."""

    @pytest.mark.parametrize("url", ["sqlite"], indirect=True)
    def test_locked(self, index, push, registry, url, monkeypatch):
        push("before", "v1")
        monkeypatch.undo()
        blocker = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        begin = time.monotonic()
        push("meanwhile", "v1")
        push("meanwhile", "v2")
        assert time.monotonic() - begin < 3
        assert registry.driver.list(layout.PENDING) == ["meanwhile"]
        # The catalog knows of it all the same: the storage is asked.
        assert index.repositories("", 10) is None
        blocker.execute("ROLLBACK")
        blocker.close()
        index.repair()
        assert registry.driver.list(layout.PENDING) == []
        assert index.repositories("", 10) == ["before", "meanwhile"]
        assert list(index.rebuild.differences()) == []

    @pytest.mark.parametrize("url", ["sqlite"], indirect=True)
    @pytest.mark.parametrize("garbage", [b"", b"no database" * 1000])
    def test_damaged(self, index, push, registry, url, garbage):
        push("before", "v1")
        file = url.removeprefix("sqlite:///")
        Path(file).write_bytes(garbage)
        for suffix in ("-wal", "-shm"):
            Path(file + suffix).unlink(missing_ok=True)
        push("after", "v1")
        deadline = time.monotonic() + 30
        while index.repositories("", 10) != ["after", "before"]:
            assert time.monotonic() < deadline
            index.repair()
            time.sleep(0.2)
        assert names(index, "") == ["after", "before"]

    def test_away(self, registry, legacy, push, tmp_path):
        (tmp_path / "file").write_text("not a directory")
        index = SqlIndex(f"sqlite:///{tmp_path}/file/index.db", registry, legacy)
        index.prepare()
        index.connect()
        push("app", "v1")
        index.repair()
        assert registry.driver.list(layout.PENDING) == ["app"]
        assert index.repositories("", 10) is None
        with pytest.raises(IndexUnavailable):
            index.search("app")
