import pytest

from docker_registry.config import Settings, load
from docker_registry.config.unserved import UNSERVED, refuse_unsafe, without_effect
from docker_registry.errors import ConfigError


def test_defaults_need_no_warning():
    assert list(without_effect(Settings())) == []


@pytest.mark.parametrize("flavor", ["dev", "local", "test"])
def test_the_sample_needs_no_warning(flavor):
    assert list(without_effect(load({"SETTINGS_FLAVOR": flavor}))) == []


def test_what_is_set_is_named():
    settings = load({"SETTINGS_FLAVOR": "local", "MIRROR_SOURCE": "https://x", "CORS_ORIGINS": "x"})
    said = list(without_effect(settings))
    assert [sentence.split()[0] for sentence in said] == ["cors", "mirroring"]


def test_the_table_names_keys_that_exist():
    assert set(UNSERVED) <= set(Settings.model_fields)


def test_an_index_server_that_would_not_be_asked_stops_the_start():
    refuse_unsafe(Settings())
    with pytest.raises(ConfigError, match="STANDALONE"):
        refuse_unsafe(Settings(standalone=False))


def test_redis_counts_failed_logins_and_nothing_else():
    cache = {"host": "redis.example"}
    [said] = without_effect(Settings(cache=cache))
    assert said.startswith("cache ")
    assert list(without_effect(Settings(cache=cache, auth=["htpasswd"]))) == []
