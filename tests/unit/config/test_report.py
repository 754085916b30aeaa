"""What is shown of settings, and what must never be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from docker_registry.config import Settings, load, report
from docker_registry.config.keys import Leaf, leaves
from tests.unit.config.conftest import LoadText

DOCUMENT = Path(__file__).parents[3] / "docs" / "configuration.md"
SECRETS = [leaf for leaf in leaves(Settings) if leaf.secret]


def shown(loaded: Settings) -> dict[str, str]:
    return {name: value for name, value, _ in report.effective(loaded)}


def test_reference_in_the_documentation_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8").endswith(report.documentation()), (
        "run contrib/config-docs.py"
    )


def test_every_key_is_described() -> None:
    assert [leaf.name for leaf in leaves(Settings) if not leaf.field.description] == []


@pytest.mark.parametrize("leaf", SECRETS, ids=lambda leaf: leaf.name)
def test_no_secret_is_shown(load_text: LoadText, leaf: Leaf) -> None:
    text = "hunter2"
    for part in reversed(leaf.path):
        text = f"{{{part}: {text}}}"
    loaded = load_text(f"dev: {text}")
    assert shown(loaded)[leaf.name] == report.HIDDEN
    assert "hunter2" not in repr(loaded) + str(list(report.effective(loaded)))


def test_keys_that_sound_secret_are_secret() -> None:
    sounds = re.compile(
        r"password|secret|_pass$|account_key|accesskey|bugsnag|connection_string|temp_url_key"
    )
    assert {leaf.name for leaf in leaves(Settings) if sounds.search(leaf.name)} == {
        leaf.name for leaf in SECRETS
    }


@settings(deadline=None, max_examples=40)
@given(st.text(st.characters(codec="ascii", exclude_characters="\n\r/?#"), min_size=6))
def test_password_in_a_url_is_not_shown(password: str) -> None:
    assume(password not in "postgresql://registry:******@db.example.org/registry")
    loaded = load(
        {"SQLALCHEMY_INDEX_DATABASE": f"postgresql://registry:{password}@db.example.org/registry"}
    )
    url = shown(loaded)["sqlalchemy_index_database"]
    assert password not in url
    assert url == "postgresql://registry:******@db.example.org/registry"


def test_password_in_the_query_of_a_url_is_not_shown() -> None:
    loaded = load({"SQLALCHEMY_INDEX_DATABASE": "mysql://h/d?password=hunter2&ssl_key=k&charset=x"})
    url = shown(loaded)["sqlalchemy_index_database"]
    assert url == "mysql://h/d?password=******&ssl_key=******&charset=x"


def test_values_of_extensions_are_not_shown(load_text: LoadText) -> None:
    assert shown(load_text("dev: {extensions: {a: {key: s}, b: t}}"))["extensions"] == (
        "{a: ******, b: ******}"
    )


def test_keys_of_drivers_are_shown_when_one_is_set() -> None:
    assert "boto_debug" not in shown(load({}))
    assert shown(load({"AWS_BUCKET": "b", "SETTINGS_FLAVOR": "s3"}))["boto_debug"] == "0"


def test_values_look_as_in_a_file() -> None:
    loaded = load({"CORS_ORIGINS": "https://a, https://b", "DEBUG": "on"})
    values = shown(loaded)
    assert values["cors.origins"] == "[https://a, https://b]"
    assert values["debug"] == "true"
    assert values["upload_max_age"] == "604800"
