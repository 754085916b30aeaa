"""Finding and reading the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from docker_registry.config import files, load
from docker_registry.errors import ConfigError
from tests.unit.config.conftest import LoadText


def test_absolute_name(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_text("dev: {issue: here}")
    settings = load({"DOCKER_REGISTRY_CONFIG": str(file)})
    assert settings.issue == "here"
    assert settings.provenance.file == file


def test_relative_name_is_looked_for_in_the_current_directory_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert files.find({"DOCKER_REGISTRY_CONFIG": files.SAMPLE}) == files.PACKAGED / files.SAMPLE
    own = tmp_path / files.SAMPLE
    own.write_text("dev: {}")
    assert files.find({"DOCKER_REGISTRY_CONFIG": files.SAMPLE}) == own


def test_without_a_name_config_yml_goes_before_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PACKAGED", tmp_path)
    assert files.find({"DOCKER_REGISTRY_CONFIG": ""}) == tmp_path / files.SAMPLE
    (tmp_path / "config.yml").write_text("dev: {}")
    assert files.find({}) == tmp_path / "config.yml"


def test_missing_file_names_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as raised:
        load({"DOCKER_REGISTRY_CONFIG": "nowhere.yml"})
    assert str(tmp_path / "nowhere.yml") in str(raised.value)
    assert str(files.PACKAGED / "nowhere.yml") in str(raised.value)


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        files.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dev: {storage: [}", "line 1, column 17"),
        ("dev:\n\tstorage: local", "line 2, column 1"),
        ("dev: &a {<<: *b}", "undefined alias"),
        ("dev: {issue: \x00}", "not sound YAML"),
        ("dev: {issue: a, debug: no, issue: b}", "'issue' is written twice"),
        ("dev: {issue: !!python/object/apply:os.getcwd []}", "could not determine a constructor"),
        ("dev: {issue: !!python/name:os.system }", "could not determine a constructor"),
        ("- dev", "should be a YAML mapping of flavors"),
        ("", "should be a YAML mapping of flavors"),
        ("dev: local", "'dev' should be a flavor"),
    ],
)
def test_broken_file(load_text: LoadText, text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_text(text)
    assert reason in str(raised.value)
    assert "registry.yml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_not_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "registry.yml"
    file.write_bytes(b"dev: {issue: \xff}")
    with pytest.raises(ConfigError, match="is not sound YAML"):
        load({"DOCKER_REGISTRY_CONFIG": str(file)})


def test_key_of_an_anchor_may_be_overridden(load_text: LoadText) -> None:
    settings = load_text("common: &common {issue: a}\ndev: &dev {<<: *common, issue: b}\n")
    assert settings.issue == "b"


def test_yaml_guesses_nothing(load_text: LoadText) -> None:
    settings = load_text(
        "dev: {swift_user: 0123, swift_tenant_name: 2014-01-02, issue: no, swift_region_name: 1e3}"
    )
    assert settings.swift_user == "0123"
    assert settings.swift_tenant_name == "2014-01-02"
    assert settings.issue == "no"
    assert settings.swift_region_name == "1e3"


def test_null_means_unset(load_text: LoadText) -> None:
    settings = load_text("common: {issue: a}\ndev: {issue: ~, cache: null, search_backend: }")
    assert settings.issue == "docker-registry server"
    assert settings.cache.port == 6379
    assert settings.search_backend == "sqlalchemy"
