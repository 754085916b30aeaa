from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from docker_registry import drivers
from docker_registry.cli import main
from docker_registry.drivers.local import LocalDriver
from docker_registry.registry import Registry
from docker_registry.registry.names import RepositoryName
from docker_registry.search import writer
from tests.drivers.switchable import SwitchableDriver
from tests.images import tar_of
from tests.v1_store import V1Store, id_of


@pytest.fixture
def store(tmp_path: Path) -> V1Store:
    store = V1Store(LocalDriver(tmp_path))
    store.image("base", layer=tar_of({"a": b"base"}))
    store.tag("library/ubuntu", "latest", store.image("top", "base", layer=tar_of({"b": b"top"})))
    store.tag("team/app", "v1", id_of("base"))
    return store


def run(tmp_path: Path, *arguments: str, command: str = "migrate", **environment: str) -> Result:
    settings = {
        "SETTINGS_FLAVOR": "local",
        "STORAGE_PATH": str(tmp_path),
        "SEARCH_BACKEND": "sqlalchemy",
        "SQLALCHEMY_INDEX_DATABASE": f"sqlite:///{tmp_path}/index.db",
        **environment,
    }
    return CliRunner(env=settings).invoke(main, [command, *arguments])


def tags(store: V1Store, repository: str) -> list[str]:
    return Registry(store.driver).tags.list(RepositoryName(repository))


def test_first_and_second_run(store, tmp_path):
    first = run(tmp_path)
    assert first.exit_code == 0, first.output
    assert first.stdout.splitlines() == [
        "library/ubuntu:latest -> ubuntu:latest: migrated",
        "team/app:v1 -> team/app:v1: migrated",
        "2 tags: 2 migrated",
    ]
    again = run(tmp_path)
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, "2 tags: 2 already there")
    assert tags(store, "ubuntu") == ["latest"]


def test_what_can_not_be_migrated(store, tmp_path):
    store.tag("team/Bad", "v1", id_of("base"))
    result = run(tmp_path)
    assert result.exit_code == 1
    *done, head, problem, numbers = result.stdout.splitlines()
    assert len(done) == 2
    assert head.split() == ["not", "migrated", "why"]
    assert problem.startswith("team/Bad:v1  ")
    assert "lower-case" in problem
    assert numbers == "3 tags: 2 migrated, 1 not migrated"


def test_dry_run(store, tmp_path):
    result = run(tmp_path, "--dry-run")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "2 tags: 2 would be migrated")
    assert tags(store, "ubuntu") == []


def test_some_repositories(store, tmp_path):
    assert run(tmp_path, "ubuntu").stdout.splitlines()[-1] == "1 tags: 1 migrated"
    assert (tags(store, "ubuntu"), tags(store, "team/app")) == (["latest"], [])
    unknown = run(tmp_path, "team/app", "nothing")
    assert unknown.exit_code == 2
    assert "found: team/app" in unknown.output
    assert tags(store, "team/app") == []


def test_remove(store, tmp_path):
    result = run(tmp_path, "--remove", "ubuntu")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "library/ubuntu:latest -> ubuntu:latest: migrated",
        "library/ubuntu (of V1): removed",
        f"image {id_of('top')}: removed",
        "1 tags: 1 migrated",
    ]
    assert run(tmp_path, "--remove").exit_code == 0
    assert not {"images", "repositories"} & set(store.driver.list(""))
    again = run(tmp_path)
    assert again.stdout == "0 tags: nothing to do\n"
    assert "directly below STORAGE_PATH" in again.stderr


def test_remove_keeps_what_could_not_be_migrated(store, tmp_path):
    store.tag("team/Bad", "v1", id_of("base"))
    result = run(tmp_path, "--remove")
    assert result.exit_code == 1
    assert "team/Bad (of V1) is not removed  team/Bad:v1 was not migrated" in result.stdout
    assert store.driver.list("repositories/team") == ["Bad"]
    assert store.driver.list("images") == [id_of("base")]


def test_options_that_exclude_one_another(store, tmp_path):
    result = run(tmp_path, "--dry-run", "--remove")
    assert result.exit_code == 2
    assert "can't go together" in result.output


def test_the_search_index_follows(store, tmp_path, monkeypatch):
    # However busy the machine is, the index follows at once.
    monkeypatch.setattr(writer, "PATIENCE", 60)
    rebuilt = run(tmp_path, "rebuild", command="index")
    assert rebuilt.output.splitlines()[-1] == "2 repositories are indexed"
    before = run(tmp_path, "stats", command="index").output.splitlines()
    assert {"tags: 0", "v1_tags: 2"} <= set(before)
    assert run(tmp_path, "--remove", "ubuntu").exit_code == 0
    after = run(tmp_path, "stats", command="index").output.splitlines()
    assert {"repositories: 2", "tags: 1", "v1_tags: 1"} <= set(after)
    checked = run(tmp_path, "check", command="index")
    assert checked.output.splitlines()[-1] == "2 repositories, 0 differences"


def test_a_store_that_goes_away(store, tmp_path, monkeypatch):
    driver = SwitchableDriver(tmp_path)
    driver.full = True
    monkeypatch.setattr(drivers, "create", lambda _: driver)
    result = run(tmp_path)
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith("Error: ")
    assert result.output.endswith("Run it again to go on\n")
    driver.full = False
    assert run(tmp_path).exit_code == 0
