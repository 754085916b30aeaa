"""``_env:VAR:default``: the key's type decides what the text means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docker_registry.config import load
from docker_registry.config.environment import expand
from docker_registry.errors import ConfigError
from tests.unit.config.conftest import LoadText

#: What an environment variable can hold: anything but NUL and lone surrogates.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give an environment with a file that leaves everything to the variables."""
    file = tmp_path_factory.mktemp("config") / "short.yml"
    file.write_text("dev: {swift_user: '_env:OS_USERNAME', swift_password: '_env:OS_PASSWORD'}")
    return {"DOCKER_REGISTRY_CONFIG": str(file)}


@settings(deadline=None)  # the machine may be busy
@given(text=TEXT)
def test_text_survives_verbatim(short: dict[str, str], text: str) -> None:
    loaded = load({**short, "OS_USERNAME": text, "OS_PASSWORD": text})
    assert loaded.swift_user == text
    assert loaded.swift_password is not None
    assert loaded.swift_password.get_secret_value() == text


@settings(deadline=None)  # the machine may be busy
@given(number=st.integers(min_value=1))
def test_numbers_are_numbers(short: dict[str, str], number: int) -> None:
    assert load({**short, "MANIFEST_LIMIT": str(number)}).manifest_limit == number


@settings(deadline=None)  # the machine may be busy
@given(words=st.lists(st.from_regex(r"[A-Za-z0-9:./-]+", fullmatch=True)))
def test_lists_come_with_commas_or_as_yaml(short: dict[str, str], words: list[str]) -> None:
    for text in (", ".join(words), f"[{', '.join(repr(word) for word in words)}]"):
        assert load({**short, "CORS_ORIGINS": text}).cors.origins == words


@settings(deadline=None, max_examples=40)  # each is loaded five times
@given(text=TEXT)
def test_no_text_breaks_the_start_with_anything_but_a_config_error(
    short: dict[str, str], text: str
) -> None:
    for variable in ("DEBUG", "TAGS_PAGE", "LOGLEVEL", "CORS_RESOURCES", "SMTP_SECURE"):
        try:
            load({**short, variable: text})
        except ConfigError as error:
            assert variable in str(error)


@settings(deadline=None)  # the machine may be busy
@given(st.from_regex(r"[A-Z_]+", fullmatch=True), TEXT)
def test_default_may_contain_colons(variable: str, default: str) -> None:
    assert expand(f"_env:{variable}:{default}", {}, []) == default
    assert expand(f"_env:{variable}:{default}", {variable: "x"}, []) == "x"
    assert expand(f"_env:{variable}", {}, []) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("yes", True), ("True", True), ("on", True), ("1", True), ("no", False), ("OFF", False)],
)
def test_switches_take_the_usual_words(text: str, expected: bool) -> None:
    assert load({"SPARSE_INDEXES": text}).sparse_indexes is expected


def test_lists_and_mappings_are_expanded_inside(load_text: LoadText) -> None:
    loaded = load_text(
        """
        dev:
            registry_endpoints: [_env:FIRST, "_env:SECOND:b:5000", c]
            extensions:
                hook: {url: "_env:HOOK:http://h/", retries: 3}
        """,
        FIRST="a",
    )
    assert loaded.registry_endpoints == ["a", "b:5000", "c"]
    assert loaded.provenance.source("registry_endpoints") == "environment FIRST"
    assert loaded.extensions == {"hook": {"url": "http://h/", "retries": "3"}}


def test_key_that_the_file_does_not_mention_has_its_variable(load_text: LoadText) -> None:
    loaded = load_text("dev: {storage: memory}", TAGS_PAGE="7", SEARCH_BACKEND="none")
    assert loaded.tags_page == 7
    assert loaded.search_backend is None
    assert loaded.provenance.source("tags_page") == "environment TAGS_PAGE"
    assert loaded.provenance.source("catalog_page") == "default"


@pytest.mark.parametrize("variable", ["OS_USERNAME", "CORS_ORIGINS", "CORS_RESOURCES", "TAGS_PAGE"])
@pytest.mark.parametrize("form", ["{}", "[{}]", "{{a: {}}}"])
def test_python_tag_in_a_variable_runs_nothing(variable: str, form: str, tmp_path: Path) -> None:
    witness = tmp_path / "ran"
    tag = f"!!python/object/apply:os.mkdir ['{witness}']"
    try:
        load({variable: form.format(tag)})
    except ConfigError as error:
        assert variable in str(error)
    assert not witness.exists()


def test_wrong_values_are_told_all_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        load({"SETTINGS_FLAVOR": "s3", "DEBUG": "perhaps", "AWS_PORT": "http", "TAGS_PAGE": "0"})
    message = str(raised.value)
    assert "flavor 's3': 3 problems" in message
    assert "debug (environment DEBUG): 'perhaps' should be true or false" in message
    assert "boto_port (environment AWS_PORT): 'http' should be a whole number" in message
    assert "tags_page (environment TAGS_PAGE): '0' should be greater than or equal to 1" in message


def test_wrong_default_in_the_file_names_the_flavor(load_text: LoadText) -> None:
    with pytest.raises(ConfigError, match=r"tags_page \(config file: dev\): 'many' should be a"):
        load_text("dev: {tags_page: '_env:TAGS_PAGE:many'}")


def test_path_that_is_not_utf_8() -> None:
    with pytest.raises(
        ConfigError, match=r"storage_path \(environment STORAGE_PATH\): .* in UTF-8"
    ):
        load({"STORAGE_PATH": os.fsdecode(b"/srv/\xff")})


def test_mail_needs_somebody_who_reads_it() -> None:
    with pytest.raises(ConfigError, match=r"email_exceptions: .*SMTP_TO_ADDR"):
        load({"SMTP_HOST": "mail.example.org"})
    mail = load({"SMTP_HOST": "m", "SMTP_TO_ADDR": "a@example.org, b@example.org"}).email_exceptions
    assert mail.to_addr == ["a@example.org", "b@example.org"]
