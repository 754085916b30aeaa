"""Backends of others, with the example of the documentation."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_registry import search
from docker_registry.config import Settings
from docker_registry.errors import ConfigError
from docker_registry.registry.names import RepositoryName
from docker_registry.search.base import IndexUnavailable
from tests.tools import CHECKOUT


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the path of a module with the documented example."""
    page = (CHECKOUT / "docs/search.md").read_text()
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert example
    package = tmp_path / "Their_Package"
    package.mkdir()
    (package / "MyIndex.py").write_text(example[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "Their_Package.MyIndex"
    for name in ("Their_Package", "Their_Package.MyIndex"):
        sys.modules.pop(name, None)


def test_the_documented_example(module, registry, legacy, push):
    index = search.create(Settings(storage="memory", search_backend=module), registry, legacy)
    for name in ("team/one", "team/two", "other"):
        push(name, "v1")
    found = index.search("team", page_size=1)
    assert (found.total, found.results[0].name) == (2, "team/one")
    assert index.search("team", page=2, page_size=1).results[0].name == "team/two"
    assert index.repositories("", 10) is None
    registry.repositories.delete(RepositoryName("team/one"))
    assert index.search("team").total == 1
    assert index.search("library/other").total == 1


@pytest.mark.parametrize(
    "results", [lambda _term: 1 / 0, lambda _term: None, lambda _term: [{"description": "x"}]]
)
def test_a_backend_that_fails(module, registry, legacy, monkeypatch, results):
    index = search.create(Settings(storage="memory", search_backend=module), registry, legacy)
    monkeypatch.setattr(index._backend, "results", results)
    with pytest.raises(IndexUnavailable):
        index.search("x")


@pytest.mark.parametrize("backend", ["no.such.module", "json", ".relative", "a..b", "Sqlalchemy"])
def test_no_backend(registry, legacy, backend):
    with pytest.raises(ConfigError, match="SEARCH_BACKEND"):
        search.create(Settings(storage="memory", search_backend=backend), registry, legacy)


def test_off(registry, legacy):
    assert search.create(Settings(storage="memory", search_backend=None), registry, legacy) is None


@pytest.mark.parametrize("url", ["nonsense", "sqlite://", "sqlite:///:memory:", "nobase://x/y"])
def test_urls_that_are_none(registry, legacy, url):
    with pytest.raises(ConfigError, match="SQLALCHEMY_INDEX_DATABASE"):
        search.create(Settings(storage="memory", sqlalchemy_index_database=url), registry, legacy)
