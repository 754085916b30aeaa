"""The flavor that does what a file of Distribution does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docker_registry.config import load, load_runner
from docker_registry.config.convert import FLAVOR, convert
from docker_registry.errors import ConfigError
from tests.unit.config.distribution.test_notes import OF_THE_IMAGE
from tests.unit.config.distribution.test_translation import AZURE, OTHER_ROWS, ROWS, S3, S3_ROWS

TEXT = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20
) | st.sampled_from(["_env:HOME", "_env:", "0123", "true", "~", "[a", "#x", "a: b", " a "])


def check(directory: Path, text: str, environ: dict[str, str]) -> None:
    """Check that a converted file, and what is to be exported beside it, means the same."""
    original = directory / "config.yml"
    original.write_text(text, encoding="utf-8")
    before = {**environ, "DOCKER_REGISTRY_CONFIG": str(original)}
    made = convert(before)
    flavor = directory / "registry.yml"
    flavor.write_text(made.text, encoding="utf-8")
    kept = {name: text for name, text in environ.items() if not name.startswith("REGISTRY_")}
    after = {
        **kept,
        **made.exports,
        "DOCKER_REGISTRY_CONFIG": str(flavor),
        "SETTINGS_FLAVOR": FLAVOR,
    }
    assert load(after) == load(before)
    assert load_runner(after) == load_runner(before)


@pytest.mark.parametrize(
    "text",
    [
        OF_THE_IMAGE,
        *(text for text, _ in (*ROWS, *OTHER_ROWS)),
        *(S3 + text for text, _ in S3_ROWS),
    ],
)
def test_every_row_means_the_same(tmp_path: Path, text: str) -> None:
    head = "version: 0.1\n" if "storage:" in text else "version: 0.1\nstorage: inmemory\n"
    check(tmp_path, head + text, {})
    ours = {"STORAGE_PATH": "/own", "DELETE_ENABLED": "true", "AWS_ENCRYPT": "yes"}
    check(tmp_path, head + text, {**ours, "REGISTRY_HTTP_ADDR": "127.0.0.1:1"})


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {"bucket": TEXT},
        optional={"accesskey": TEXT, "secretkey": TEXT, "region": TEXT, "rootdirectory": TEXT},
    ),
    st.dictionaries(st.sampled_from(["BUCKET", "SECRETKEY", "ROOTDIRECTORY"]), TEXT),
    st.booleans(),
)
def test_whatever_the_text(
    tmp_path: Path, parameters: dict[str, str], overrides: dict[str, str], deletes: bool
) -> None:
    document: dict[str, Any] = {
        "version": "0.1",
        "storage": {"s3": parameters, "delete": {"enabled": deletes}},
    }
    environ = {
        f"REGISTRY_STORAGE_S3_{name}": yaml.safe_dump(text) for name, text in overrides.items()
    }
    check(tmp_path, yaml.safe_dump(document), environ)


def test_secrets_are_named(tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    file.write_text(f"version: 0.1\n{AZURE}accountkey: hunter2}}}}\n")
    made = convert({"DOCKER_REGISTRY_CONFIG": str(file)})
    assert made.secrets == ["azure_storage_account_key"]
    assert "hunter2" in made.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dev: {storage: local}", "is no configuration of Distribution"),
        ("version: 0.1\nstorage: inmemory\nauth: {silly: {}}", r"auth\.silly"),
        ("version: 0.1\nstorage: inmemory\nhttp: {tls: {key: /k}}", "go together"),
    ],
)
def test_what_can_not_be_converted(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "config.yml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        convert({"DOCKER_REGISTRY_CONFIG": str(file)})
