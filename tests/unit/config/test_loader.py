"""Flavors, unknown keys, and where values come from."""

from __future__ import annotations

import pytest

from docker_registry.config import Settings, load
from docker_registry.errors import ConfigError
from tests.unit.config.conftest import LoadText


def test_unknown_flavor_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"config_sample\.yml, flavor 'prd': .*elliptics.*prod$"):
        load({"SETTINGS_FLAVOR": "prd"})


def test_flavor_inherits_common_without_an_anchor(load_text: LoadText) -> None:
    settings = load_text(
        """
        common: {issue: a, cache: {host: c, password: p}, tags_page: 5}
        dev: {issue: b, cache: {host: d}}
        """
    )
    assert settings.issue == "b"
    assert settings.tags_page == 5
    assert settings.cache.host == "d"
    assert settings.cache.password is not None
    assert settings.cache.password.get_secret_value() == "p"


def test_sources(load_text: LoadText) -> None:
    settings = load_text(
        """
        common: &common {issue: a, tags_page: 5, debug: "_env:DEBUG:no"}
        dev: {<<: *common, tags_page: 6, storage_path: "_env:STORAGE_PATH:/p"}
        """,
        STORAGE_PATH="/q",
    )
    source = settings.provenance.source
    assert source("issue") == "config file: common"
    assert source("debug") == "config file: common"
    assert source("tags_page") == "config file: dev"
    assert source("storage_path") == "environment STORAGE_PATH"
    assert source("catalog_page") == "default"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dev: {storge: x}", "storge (config file: dev): unknown key; did you mean 'storage'?"),
        ("dev: {cache: {prot: 1}}", "cache.prot (config file: dev): unknown key; did you mean"),
        ("dev: {xyzzy: 1}", "xyzzy (config file: dev): unknown key"),
        ("dev: {~: 1}", "None (config file: dev): unknown key"),
        ("common: &c {isue: x}\ndev: {<<: *c}", "isue (config file: common): unknown key"),
        ("dev: {cache: redis}", "cache (config file: dev): should be a mapping with the keys host"),
        ("dev: {issue: {a: b}}", "issue (config file: dev): should be text"),
        ("dev: {registry_endpoints: {a: b}}", "(config file: dev): should be a list"),
        ("dev: {registry_endpoints: [a.example, 'b c']}", "'b c' is no host"),
    ],
)
def test_misplaced(load_text: LoadText, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_text(text)
    assert problem in str(raised.value)
    assert "problems" not in str(raised.value)


def test_unknown_key_of_another_flavor_is_its_own_trouble(load_text: LoadText) -> None:
    assert load_text("other: {storge: x}\ndev: {issue: a}").issue == "a"


def test_wrong_value_of_a_secret_is_not_shown(load_text: LoadText) -> None:
    with pytest.raises(ConfigError, match="swift_password") as raised:
        load_text("dev: {swift_password: [hunter2]}")
    assert "hunter2" not in str(raised.value)


def test_password_under_a_mistyped_key_is_not_shown(load_text: LoadText) -> None:
    with pytest.raises(ConfigError, match="did you mean 'swift_password'") as raised:
        load_text("dev: {swift_pasword: hunter2}")
    assert "hunter2" not in str(raised.value)


class TestSettings:
    def test_made_directly(self) -> None:
        settings = Settings(storage="memory", search_backend=None)
        assert settings.search_backend is None
        assert settings.provenance.file is None
        assert settings.provenance.source("storage") == "default"

    def test_index_lies_in_a_local_store(self) -> None:
        settings = Settings(storage_path="/srv/r")
        expected = "sqlite:////srv/r/docker/registry/ours/search.db"
        assert settings.sqlalchemy_index_database == expected

    def test_index_of_a_remote_store_lies_in_the_state_directory(self) -> None:
        settings = Settings(storage="s3", storage_path="/prefix")
        assert settings.storage_path == "/prefix"
        assert settings.sqlalchemy_index_database == "sqlite:////var/lib/docker-registry/search.db"

    def test_home_directory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/home/me")
        assert Settings(storage_path="~/r").storage_path == "/home/me/r"

    def test_immutable(self) -> None:
        with pytest.raises(ValueError, match="frozen"):
            Settings().issue = "x"  # type: ignore[misc]
