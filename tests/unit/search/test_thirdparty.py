"""Backends of others, with the example of the documentation."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_registry import search
from docker_registry.config import Settings
from docker_registry.errors import ConfigError
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.registry.names import RepositoryName
from docker_registry.search import writer
from docker_registry.search.base import IndexUnavailable
from tests.selections import selection
from tests.tools import CHECKOUT
from tests.unit.search.conftest import IMAGE


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


def test_it_is_told_of_a_repository_that_goes_with_its_last_manifest(
    module, registry, legacy, push
):
    index = search.create(Settings(storage="memory", search_backend=module), registry, legacy)
    app = RepositoryName("team/app")
    first, second = push(app, "v1", title="one"), push(app, "v2", title="two")
    registry.manifests.delete(app, first.digest)
    assert index.search("").total == 1
    registry.manifests.delete(app, second.digest)
    assert index.search("").total == 0


def test_a_slow_backend_holds_no_request_up(module, registry, legacy, push, monkeypatch):
    index = search.create(Settings(storage="memory", search_backend=module), registry, legacy)
    monkeypatch.setattr(writer, "PATIENCE", 0.1)
    go_on, told = threading.Event(), []

    def slow(_sender: object, **what: object) -> None:
        assert go_on.wait(60)
        told.append(what["repository"])

    monkeypatch.setattr(index._backend, "_handle_repository_updated", slow, raising=False)
    for number in range(5):
        push(f"app{number}", "v1")
    assert told == []
    go_on.set()
    deadline = time.monotonic() + 60
    while len(told) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert told == [f"app{number}" for number in range(5)]


def test_only_what_was_chosen_is_found(module, registry, legacy, push, v1):
    index = search.create(Settings(storage="memory", search_backend=module), registry, legacy)
    for name in ("team/one", "team/two", "other", "x/one", "library/x"):
        push(name, "v1")
    legacy.index.add_images(V1Name.parse("team/One"), [{"id": IMAGE}])
    v1.put("team/One", "v1")

    def found(*patterns, **page):
        result = index.search("", selection=selection(*patterns), **page)
        return result.total, [one.name for one in result.results]

    assert found("**")[0] == 6
    assert found("team/**") == (2, ["team/one", "team/two"])
    assert found("team/**", page=2, page_size=1) == (2, ["team/two"])
    assert found("*/one") == (2, ["team/one", "x/one"])
    # The backend says library/other, which may be another repository than other.
    assert found("other", "x") == (0, [])
    assert found("library/*") == (0, [])
    assert found("other", "library/other") == (1, ["library/other"])
    assert found("-**") == (0, [])


def test_v1(module, registry, legacy, push, v1):
    index = search.create(Settings(storage="memory", search_backend=module), registry, legacy)
    for name in ("library/x", "team/app"):
        legacy.index.add_images(V1Name.parse(name), [{"id": IMAGE}])
        v1.put(name, "v1")
    push("x", "v1")
    assert [r.name for r in index.search("").results] == ["library/x", "team/app"]
    # As long as there is one of today, or of V1, it is there.
    v1.delete("x")
    v1.delete("team/app")
    assert [r.name for r in index.search("").results] == ["library/x"]
    v1.put("x", "v1")
    registry.repositories.delete(RepositoryName("x"))
    assert index.search("").total == 1
    v1.delete("x")
    assert index.search("").total == 0


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
