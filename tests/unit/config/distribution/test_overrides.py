"""``REGISTRY_*``: paths, case, order, lists, and what is no override at all."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from docker_registry.config.distribution.document import Document
from docker_registry.config.distribution.overrides import SECTIONS, override
from docker_registry.errors import ConfigError
from tests.unit.config.distribution.conftest import LoadBoth


def tree(document: dict[str, Any], **environ: str) -> dict[str, Any]:
    overridden = override(document, environ)
    assert overridden.notes == overridden.problems == []
    return overridden.tree


def test_a_value_is_replaced_and_mappings_are_made() -> None:
    before = {"storage": {"s3": {"bucket": "a"}}}
    after = tree(before, REGISTRY_STORAGE_S3_BUCKET="b", REGISTRY_HTTP_TLS_KEY="/k")
    assert after == {"storage": {"s3": {"bucket": "b"}}, "http": {"tls": {"key": "/k"}}}
    assert before == {"storage": {"s3": {"bucket": "a"}}}


def test_a_whole_section_comes_before_what_is_in_it() -> None:
    document = {"storage": {"filesystem": {"rootdirectory": "/a"}, "delete": {"enabled": "true"}}}
    environ = {"REGISTRY_STORAGE_S3_BUCKET": "b", "REGISTRY_STORAGE": "s3"}
    assert tree(document, **environ) == {"storage": {"s3": {"bucket": "b"}}}
    assert tree({"storage": "inmemory"}, REGISTRY_STORAGE_DELETE_ENABLED="true") == {
        "storage": {"inmemory": {}, "delete": {"enabled": "true"}}
    }


def test_values_are_yaml_in_which_scalars_are_text() -> None:
    assert tree({}, REGISTRY_AUTH="{htpasswd: {realm: r, path: 012}}") == {
        "auth": {"htpasswd": {"realm": "r", "path": "012"}}
    }
    assert tree({}, REGISTRY_HTTP_TLS_CLIENTCAS="[/a, /b]")["http"]["tls"]["clientcas"] == [
        "/a",
        "/b",
    ]
    assert tree({"auth": {"htpasswd": {}}}, REGISTRY_AUTH="")["auth"] is None


def test_names_are_found_whatever_their_case() -> None:
    document = {"http": {"headers": {"Access-Control-Allow-Origin": ["a"]}}}
    variable = "REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin"
    assert tree(document, **{variable: "[b]"}) == {
        "http": {"headers": {"Access-Control-Allow-Origin": ["b"]}}
    }
    assert tree({}, **{variable: "[b]"}) == {
        "http": {"headers": {"access-control-allow-origin": ["b"]}}
    }


def test_lists_by_index() -> None:
    document = {"notifications": {"endpoints": [{"name": "a"}]}}
    after = tree(
        document,
        REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URL="http://a",
        REGISTRY_NOTIFICATIONS_ENDPOINTS_1_NAME="b",
    )
    assert after["notifications"]["endpoints"] == [{"name": "a", "url": "http://a"}, {"name": "b"}]
    assert tree({}, REGISTRY_HTTP_TLS_CLIENTCAS_0="/a")["http"]["tls"]["clientcas"] == ["/a"]


@pytest.mark.parametrize("index", ["2", "x", "-1"])
def test_no_such_place_in_a_list(index: str) -> None:
    variable = f"REGISTRY_NOTIFICATIONS_ENDPOINTS_{index}_NAME"
    overridden = override({"notifications": {"endpoints": [{}]}}, {variable: "b"})
    assert overridden.problems == [
        (
            f"{variable}: notifications.endpoints is a list of 1: its entries are 0 to 1, the last "
            f"of which is new, and not {index}"
        )
    ]


def test_what_is_no_sound_yaml_is_named_but_not_shown() -> None:
    overridden = override({}, {"REGISTRY_HTTP_SECRET": "@hunter2"})
    (problem,) = overridden.problems
    assert problem.startswith("REGISTRY_HTTP_SECRET: is not sound YAML")
    assert "hunter2" not in problem


def test_variables_of_others_have_no_effect() -> None:
    # Kubernetes makes them for a service that is called registry, or registry-http.
    environ = {
        "REGISTRY_PORT": "tcp://10.0.0.1:5000",
        "REGISTRY_SERVICE_HOST": "10.0.0.1",
        "REGISTRY_PORT_5000_TCP_ADDR": "10.0.0.1",
        "REGISTRY_HTTP_PORT": "tcp://10.0.0.1:5000",
        "REGISTRY_HTTP_PORT_5000_TCP": "tcp://10.0.0.1:5000",
        "REGISTRY_VERSION": "9",
        "REGISTRYX": "y",
    }
    overridden = override({"version": "0.1"}, environ)
    assert overridden.problems == []
    assert overridden.tree == {"version": "0.1", "http": {"port": "tcp://10.0.0.1:5000"}}
    named = {note.split()[0] for note in overridden.notes}
    assert named == environ.keys() - {"REGISTRYX", "REGISTRY_HTTP_PORT"}


NAME = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
PATH = st.tuples(st.sampled_from(sorted(SECTIONS - {"loglevel"})), NAME, NAME)


@settings(deadline=None)  # the machine may be busy
@given(st.dictionaries(PATH, st.from_regex(r"[A-Za-z0-9:/ .-]*", fullmatch=True), max_size=8))
def test_every_value_arrives_at_its_path(values: dict[tuple[str, ...], str]) -> None:
    environ = {
        f"REGISTRY_{'_'.join(path).upper()}": yaml.safe_dump(text) for path, text in values.items()
    }
    overridden = override({"http": {"addr": ":5000"}}, environ)
    assert overridden.problems == overridden.notes == []
    document = Document(overridden.tree, overridden.variables)
    for path, text in values.items():
        assert document.read(".".join(path)) == text
        assert document.source(".".join(path)) == f"environment REGISTRY_{'_'.join(path).upper()}"
    assert document.unread() == ["http.addr"]


@settings(deadline=None)  # the machine may be busy
@given(
    st.dictionaries(
        st.from_regex(r"REGISTRY_(STORAGE|HTTP|AUTH|LOG|X)(_[A-Z0-9]{0,3}){0,4}", fullmatch=True),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        max_size=5,
    )
)
def test_nothing_in_a_variable_breaks_the_start_but_with_a_reason(environ: dict[str, str]) -> None:
    overridden = override({"storage": {"inmemory": None}, "log": {"level": "info"}}, environ)
    told = [*overridden.notes, *overridden.problems, *overridden.variables.values()]
    assert all(any(variable in line for line in told) for variable in environ)


def test_a_second_driver_is_told_with_both_sources_and_the_mend(load_both: LoadBoth) -> None:
    text = "storage: {filesystem: {rootdirectory: /a}}"
    with pytest.raises(ConfigError) as raised:
        load_both(text, REGISTRY_STORAGE_S3_BUCKET="b")
    message = str(raised.value)
    assert "filesystem (config file: storage.filesystem)" in message
    assert "s3 (environment REGISTRY_STORAGE_S3_BUCKET)" in message
    assert "set REGISTRY_STORAGE to its name as well" in message
    settings, _ = load_both(text, REGISTRY_STORAGE_S3_BUCKET="b", REGISTRY_STORAGE="s3")
    assert (settings.storage, settings.s3_bucket) == ("s3", "b")


def test_auth_of_the_file_can_be_taken_away_by_a_variable_only(load_both: LoadBoth) -> None:
    text = "auth: {htpasswd: {realm: r, path: /p}}"
    for value in ("none", "{none: {}}"):
        load_both(text, REGISTRY_AUTH=value)
    with pytest.raises(ConfigError, match=r"auth \(.*\): has htpasswd, none"):
        load_both(text, REGISTRY_AUTH_NONE="{}")
    with pytest.raises(ConfigError, match=r"auth\.token\.service is missing"):
        load_both("", REGISTRY_AUTH_TOKEN_REALM="https://auth.example.org")
