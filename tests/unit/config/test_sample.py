"""The sample: every flavor of 0.9, and every variable that it names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import SecretStr

from docker_registry.config import Settings, load, report
from docker_registry.config.auth import Rule
from docker_registry.config.files import PACKAGED, SAMPLE, read
from docker_registry.config.keys import Leaf, leaves

FLAVORS_OF_09 = [
    *("common", "local", "s3", "cloudfronts3", "ceph-s3", "azureblob", "gcs", "swift", "glance"),
    *("openstack", "glance-swift", "openstack-swift", "elliptics", "oss", "dev", "test", "prod"),
]
PATH = PACKAGED / SAMPLE
LEAVES = {leaf.name: leaf for leaf in leaves(Settings)}

#: Text for a variable, and the value that it should give, by type.
EXAMPLES: dict[str, tuple[str, Any]] = {
    "text": ("0123: #no", "0123: #no"),
    "secret": ("0123", SecretStr("0123")),
    "number": ("3", 3),
    "list": ("7, 8", ["7", "8"]),
    "mapping": ("{a: b}", {"a": "b"}),
}
SPECIAL = {
    "auth": ("htpasswd", ["htpasswd"]),
    "auth_keystone.auth_url": (
        "https://keystone.example.org/v3",
        "https://keystone.example.org/v3",
    ),
    "auth_token.realm": ("https://issuer.example.org/auth", "https://issuer.example.org/auth"),
    "tokens.rotate_seconds": ("3600", 3600),
    "tokens.seconds": ("60", 60),
    "loglevel": ("Warning", "warning"),
    "elliptics_groups": ("[7, 8]", [7, 8]),
    "storage_path": ("/some/where", "/some/where"),
    "cache_blobs_path": ("/some/where", "/some/where"),
    "glance_visibility": ("shared", "shared"),
    "url_prefix": ("/some/where", "/some/where"),
    "public_url": ("https://example.org", "https://example.org"),
    "response_headers": ("{a: b}", {"a": ["b"]}),
    "trusted_proxies": ("192.0.2.1, 10.0.0.0/8", ["192.0.2.1", "10.0.0.0/8"]),
    "proxy_headers": ("Forwarded", "forwarded"),
    "auth_certificate.header": ("X-Subject", "X-Subject"),
    "auth_certificate.user": ("UID", "UID"),
    "policy": (
        "[{who: 'group:a, any-user', repositories: x/**, may: [pull, delete]}]",
        [Rule(who=["group:a", "any-user"], repositories="x/**", may=["pull", "delete"])],
    ),
    "audit.format": ("JSON", "json"),
}


def walk(section: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield from walk(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


#: Flavor, key, variable: those of ``common`` once, and of each flavor what it adds.
COMMON = dict(walk(read(PATH)["common"]))
VARIABLES = [
    pytest.param(flavor, name, value.split(":")[1], id=f"{flavor}-{name}")
    for flavor, section in read(PATH).items()
    for name, value in walk(section)
    if str(value).startswith("_env:") and (flavor == "common" or COMMON.get(name) != value)
]


def value_of(settings: Settings, leaf: Leaf) -> Any:
    return reduce(getattr, leaf.path, settings)


def test_flavors_are_those_of_09() -> None:
    assert list(read(PATH)) == FLAVORS_OF_09


@pytest.mark.parametrize("flavor", FLAVORS_OF_09)
def test_every_flavor_loads_with_nothing_set(flavor: str) -> None:
    settings = load({"SETTINGS_FLAVOR": flavor})
    assert settings.provenance.flavor == flavor
    assert settings.provenance.file == PATH


@pytest.mark.parametrize(("flavor", "name", "variable"), VARIABLES)
def test_variable_takes_effect(flavor: str, name: str, variable: str) -> None:
    leaf = LEAVES[name]
    kind = report.kind(leaf.field.annotation)
    if kind == "switch":
        before = value_of(load({"SETTINGS_FLAVOR": flavor}), leaf)
        text, expected = ("no", False) if before else ("yes", True)
    else:
        text, expected = SPECIAL.get(name) or EXAMPLES[kind]
    needed = {"SMTP_TO_ADDR": "a@example.org"} if name == "email_exceptions.smtp_host" else {}
    settings = load({"SETTINGS_FLAVOR": flavor, variable: text, **needed})
    assert value_of(settings, leaf) == expected
    assert settings.provenance.source(name) == f"environment {variable}"


@pytest.mark.parametrize(("flavor", "name", "variable"), VARIABLES)
def test_variable_that_is_set_but_empty_counts_as_unset(
    flavor: str, name: str, variable: str
) -> None:
    unset = load({"SETTINGS_FLAVOR": flavor})
    empty = load({"SETTINGS_FLAVOR": flavor, variable: ""})
    assert empty == unset
    assert empty.provenance.source(name) == unset.provenance.source(name)


@pytest.mark.parametrize("variable", sorted({leaf.env for leaf in LEAVES.values() if leaf.env}))
def test_sample_names_every_variable_of_the_model(variable: str) -> None:
    assert f"_env:{variable}" in PATH.read_text(encoding="utf-8")


def test_flavor_local_is_the_model_s_defaults() -> None:
    assert load({"SETTINGS_FLAVOR": "local"}) == Settings()


def test_nothing_set_stores_locally_and_searches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load({})
    assert settings.storage == "local"
    assert settings.storage_path == str(tmp_path / "registry-data")
    assert settings.search_backend == "sqlalchemy"
    assert settings.sqlalchemy_index_database.startswith(f"sqlite:///{settings.storage_path}/")
    assert settings.debug is False


def test_ceph_takes_no_region_and_no_tls_unless_told() -> None:
    settings = load({"SETTINGS_FLAVOR": "ceph-s3", "AWS_REGION": "eu-west-1"})
    assert settings.s3_region is None
    assert settings.s3_secure is False
    assert settings.s3_encrypt is False


def test_aliases_equal_what_they_stand_for() -> None:
    for alias, flavor in (("openstack", "glance"), ("openstack-swift", "glance-swift")):
        assert load({"SETTINGS_FLAVOR": alias}) == load({"SETTINGS_FLAVOR": flavor})


def test_sample_fits_the_schema() -> None:
    schema = report.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    document = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)


@pytest.mark.parametrize(
    "wrong", [{"dev": {"storge": "local"}}, {"dev": {"cache": {"prot": 1}}}, {"dev": {"debug": []}}]
)
def test_schema_refuses_what_is_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, report.schema())
