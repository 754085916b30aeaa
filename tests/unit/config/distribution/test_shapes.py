"""Whatever is in a file: it is taken, or told by name in a ``ConfigError``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docker_registry.config import load, load_runner
from docker_registry.config.distribution import general, stores, without_effect
from docker_registry.errors import ConfigError
from tests.unit.config.distribution.conftest import LoadBoth

NAMES = sorted(
    {
        *(row.name for row in general.ROWS),
        *(idle.name for idle in without_effect.GENERAL),
        *(
            f"storage.{driver}.{row.name}"
            for driver, store in stores.STORES.items()
            for row in store.rows
        ),
        *("auth", "auth.none", "auth.htpasswd.path", "http.addr", "http.net", "proxy.remoteurl"),
        *("middleware", "middleware.storage", "http.tls.clientauth", "http.tls.letsencrypt"),
        *("storage", "storage.inmemory", "storage.filesystem", "validation.manifests.urls.allow"),
        *("storage.maintenance.uploadpurging", "storage.maintenance.uploadpurging.age"),
        *("storage.swift.authversion", "storage.azure.credentials", "storage.s3.encrypt", "http"),
        "validation.manifests.indexes.platforms",
    }
)
TEXT = st.sampled_from(["", "true", "0", "x", ":5000", "none", "1h", "s3", "^(", "unix"])
VALUES = st.recursive(
    st.none() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["name", "options", "disabled", "cloudfront", "x", "addr"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


def put(tree: dict[str, Any], name: str, value: Any) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        if not isinstance(tree.get(parent), dict):
            tree[parent] = {}
        tree = tree[parent]
    tree[last] = value


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6))
def test_no_shape_breaks_the_start_but_with_a_reason(
    tmp_path: Path, values: dict[str, Any]
) -> None:
    tree: dict[str, Any] = {"storage": {"inmemory": None}}
    for name, value in values.items():
        put(tree, name, value)
    tree["version"] = "0.1"
    file = tmp_path / "config.yml"
    file.write_text(yaml.safe_dump(tree))
    for part in (load, load_runner):
        try:
            part({"DOCKER_REGISTRY_CONFIG": str(file)})
        except ConfigError as error:
            assert str(file) in str(error)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("auth: [htpasswd]", "auth"),
        ("auth: {none: {}}\nhttp: ':5000'", "http"),
        ("storage: {s3: b}", "storage.s3"),
        ("storage: {inmemory: {}, delete: true}", "storage.delete"),
        ("storage: {inmemory: {}, maintenance: readonly}", "storage.maintenance"),
        ("middleware: [{name: x}]", "middleware"),
        ("validation: yes", "validation"),
        ("log: debug", "log"),
        ("proxy: [https://example.org]", "proxy"),
    ],
)
def test_a_section_that_is_no_mapping_stops_the_start(
    load_both: LoadBoth, text: str, name: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load_both(text)
    assert f"{name} (config file): should be a mapping" in str(raised.value)
