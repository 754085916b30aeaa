"""Tags that can't be moved once they are there."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from docker_registry.drivers.base import Driver
from docker_registry.drivers.local import LocalDriver
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import ConfigError, ManifestUnknown, TagWrittenOnce
from docker_registry.registry import Registry, layout
from docker_registry.registry.manifest import OCI_MANIFEST, Manifest
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.registry.tags import Tags
from docker_registry.registry.write_once import TagPattern, WriteOnce

NAME, V1, DEV = RepositoryName("team/app"), Tag("v1"), Tag("dev")
ONE, OTHER = Digest.of(b"one"), Digest.of(b"other")


@pytest.mark.parametrize(
    ("pattern", "repository", "tag", "means"),
    [
        ("team/**:v*", "team/app", "v1", True),
        ("team/**:v*", "team", "v", True),
        ("team/**:v*", "teams/app", "v1", False),
        ("team/**:v*", "team/app", "V1", False),
        ("team/**:v[0-9]*", "team/app", "vnext", False),
        ("team/**:v[!0-9]*", "team/app", "vnext", True),
        ("team/*:v?", "team/app", "v1", True),
        ("team/*:v?", "team/app", "v10", False),
        ("team/*:*", "team/app/tools", "v1", False),
        ("**:*", "any", "latest", True),
        ("**:latest", "any/thing", "latest", True),
        ("**:1.0", "any", "1x0", False),
    ],
)
def test_patterns(pattern: str, repository: str, tag: str, means: bool) -> None:
    assert str(TagPattern.parse(pattern)) == pattern
    assert WriteOnce.read([pattern]).covers(repository, tag) is means


@pytest.mark.parametrize(
    "entry",
    ["", "team/app", "team/app:", ":v1", "UP:v*", "a/**b:v*", "a:b:c", "team/app:v 1", "a:v/1"],
)
def test_what_is_no_pattern(entry: str) -> None:
    with pytest.raises(ConfigError, match=r"^write_once \(WRITE_ONCE\), entry 2: "):
        WriteOnce.read(["**:v*", entry])


@pytest.fixture(params=["memory", "local", "plain"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    if request.param == "plain":
        return _WithoutCreating()
    return LocalDriver(tmp_path) if request.param == "local" else MemoryDriver()


class _WithoutCreating(MemoryDriver):
    """A backend that has no request for creating: what the contract offers to all."""

    create = Driver.create


@pytest.fixture
def tags(driver: Driver) -> Tags:
    return Tags(driver, WriteOnce.read(["team/**:v*", "**:latest"]))


@pytest.mark.parametrize("tag", [V1, Tag("latest")])
def test_a_tag_is_put_once(tags: Tags, tag: Tag) -> None:
    tags.put(NAME, tag, ONE)
    tags.put(NAME, tag, ONE)
    tags.check(NAME, tag, ONE)
    for put in (tags.check, tags.put):
        with pytest.raises(TagWrittenOnce):
            put(NAME, tag, OTHER)
    assert tags.get(NAME, tag) == ONE
    tags.delete(NAME, tag)
    tags.put(NAME, tag, OTHER)
    assert tags.get(NAME, tag) == OTHER


def test_other_tags_move(tags: Tags) -> None:
    for digest in (ONE, OTHER):
        tags.check(NAME, DEV, digest)
        tags.put(NAME, DEV, digest)
        tags.put(RepositoryName("other"), V1, digest)
    assert tags.get(NAME, DEV) == OTHER


def test_a_link_that_holds_nothing_is_no_tag(tags: Tags, driver: Driver) -> None:
    driver.put_content(layout.tag_link(NAME, V1), b"")
    tags.check(NAME, V1, ONE)
    tags.put(NAME, V1, ONE)
    assert tags.get(NAME, V1) == ONE


def test_tags_that_are_written_once(tags: Tags) -> None:
    for tag, digest in ((V1, ONE), (DEV, ONE), (Tag("v2"), OTHER)):
        tags.put(NAME, tag, digest)
    assert list(tags.written_once(NAME)) == ["v1", "v2"]
    assert list(tags.written_once(NAME, ONE)) == ["v1"]
    assert not list(tags.written_once(RepositoryName("other")))


@pytest.mark.parametrize("driver", ["memory", "local"], indirect=True)
def test_of_many_that_put_at_once_one_does(driver: Driver) -> None:
    for number in range(20):
        tag, tags = Tag(f"v{number}"), Tags(driver, WriteOnce.read(["**:*"]))
        barrier, done = threading.Barrier(4), []

        def put(digest: Digest, tag: Tag = tag, tags: Tags = tags, barrier=barrier, done=done):
            barrier.wait()
            try:
                tags.put(NAME, tag, digest)
            except TagWrittenOnce:
                return
            done.append(digest)

        threads = [
            threading.Thread(target=put, args=(Digest.of(str(one).encode()),)) for one in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done == [tags.get(NAME, tag)]


def test_who_loses_to_another_process_is_told() -> None:
    class Slow(_WithoutCreating):
        def put_content(self, path: str, data: bytes) -> None:
            super().put_content(path, data)
            if path == layout.tag_link(NAME, V1):
                super().put_content(path, OTHER.encode())

    with pytest.raises(TagWrittenOnce):
        Tags(Slow(), WriteOnce.read(["**:*"])).put(NAME, V1, ONE)


def test_a_refused_push_stores_nothing(driver: Driver) -> None:
    registry = Registry(driver, write_once=WriteOnce.read(["**:v*"]), sparse_indexes=True)
    first, second = (_manifest(text) for text in ("first", "second"))
    registry.manifests.put(NAME, first, [V1])
    registry.manifests.put(NAME, first, [V1, DEV])
    with pytest.raises(TagWrittenOnce):
        registry.manifests.put(NAME, second, [Tag("new"), V1])
    assert not registry.manifests.has(NAME, second.digest)
    with pytest.raises(ManifestUnknown):
        registry.tags.get(NAME, Tag("new"))
    assert registry.tags.get(NAME, V1) == first.digest


def _manifest(text: str) -> Manifest:
    content = (
        f'{{"schemaVersion": 2, "mediaType": "{OCI_MANIFEST}", "annotations": {{"a": "{text}"}},'
        f'"config": {{"mediaType": "x/y", "digest": "{ONE}", "size": 3}}, "layers": []}}'
    ).encode()
    return Manifest.parse(content, Digest.of(content))
