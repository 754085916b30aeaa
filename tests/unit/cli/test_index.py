from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from docker_registry.cli import main
from docker_registry.drivers.local import LocalDriver
from docker_registry.registry import Registry, layout
from docker_registry.registry.manifest import Manifest
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.search import database


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Give a registry with an image whose pushes no index has heard of."""
    registry = Registry(LocalDriver(tmp_path))
    content = b'{"schemaVersion": 2, "manifests": []}'
    manifest = Manifest.parse(content, Digest.of(content))
    registry.manifests.put(RepositoryName("team/app"), manifest, [Tag("v1")])
    return registry


def run(tmp_path: Path, *arguments: str, **environment: str) -> Result:
    settings = {"SETTINGS_FLAVOR": "local", "STORAGE_PATH": str(tmp_path), **environment}
    return CliRunner(env=settings).invoke(main, arguments)


def test_rebuild_check_and_stats(registry, tmp_path):
    before = run(tmp_path, "index", "check")
    assert before.exit_code == 1
    assert "team/app:v1 is None in the index" in before.output
    assert "1 repositories, 2 differences" in before.output
    assert "complete: no" in run(tmp_path, "index", "stats").output

    rebuilt = run(tmp_path, "index", "rebuild")
    assert (rebuilt.exit_code, rebuilt.output.splitlines()[-1]) == (0, "1 repositories are indexed")
    after = run(tmp_path, "index", "check")
    assert (after.exit_code, after.output.splitlines()[-1]) == (0, "1 repositories, 0 differences")
    counted = run(tmp_path, "index", "stats").output.splitlines()
    assert counted == [
        "repositories: 1",
        "tags: 1",
        "manifests: 1",
        "platforms: 0",
        "v1_tags: 0",
        "complete: yes",
    ]


def test_tags_that_point_nowhere_are_none(registry, tmp_path):
    registry.driver.put_content(layout.tag_link("team/app", "empty"), b"")
    registry.driver.put_content(f"{layout.tags('team/app')}/historic/index/x", b"x")
    assert run(tmp_path, "index", "rebuild").exit_code == 0
    after = run(tmp_path, "index", "check")
    assert (after.exit_code, after.output.splitlines()[-1]) == (0, "1 repositories, 0 differences")


@pytest.mark.parametrize("command", ["rebuild", "check", "stats"])
def test_without_an_index(registry, tmp_path, command):
    result = run(tmp_path, "index", command, SEARCH_BACKEND="none")
    assert result.exit_code == 1
    assert "SEARCH_BACKEND" in result.output


@pytest.mark.parametrize("command", ["rebuild", "check", "stats"])
def test_a_database_that_is_away(registry, tmp_path, command):
    (tmp_path / "file").write_text("not a directory")
    url = f"sqlite:///{tmp_path}/file/index.db"
    result = run(tmp_path, "index", command, SQLALCHEMY_INDEX_DATABASE=url)
    assert result.exit_code == 1
    assert "Traceback" not in result.output


def test_a_database_that_is_locked(registry, tmp_path, monkeypatch):
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.1)
    url = {"SQLALCHEMY_INDEX_DATABASE": f"sqlite:///{tmp_path}/index.db"}
    assert run(tmp_path, "index", "stats", **url).exit_code == 0
    with closing(sqlite3.connect(tmp_path / "index.db", isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        result = run(tmp_path, "index", "rebuild", **url)
        assert result.exit_code == 1
        assert "Error: another process keeps the index's database locked" in result.output
        # What only reads isn't held up.
        assert run(tmp_path, "index", "check", **url).output.endswith("2 differences\n")
    assert run(tmp_path, "index", "rebuild", **url).exit_code == 0


def test_purge_of_uploads(registry, tmp_path):
    session = registry.uploads.start(RepositoryName("team/app"))
    assert run(tmp_path, "uploads", "purge").output == ""
    listed = run(tmp_path, "uploads", "purge", "--older-than", "0", "--dry-run")
    assert listed.output == f"team/app {session.id}\n"
    assert run(tmp_path, "uploads", "purge", "--older-than", "0").output == listed.output
    assert registry.driver.list(layout.uploads("team/app")) == []
