"""What the index records of manifests, configs and indexes, good and bad ones."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from docker_registry.registry import Registry, layout
from docker_registry.registry.manifest import Manifest
from docker_registry.registry.names import Digest, RepositoryName
from docker_registry.search.describe import (
    MAX_ANNOTATIONS,
    MAX_CONFIG,
    MAX_PLATFORMS,
    MAX_VALUE,
    Description,
    describe,
)
from tests import images

APP = RepositoryName("team/app")
TITLE = "org.opencontainers.image.title"


class Repo:
    """A repository that is pushed into without HTTP."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        digest = Digest.of(content)
        self.registry.driver.put_content(layout.blob(digest), content)
        self.registry.blobs.link(APP, digest, digest)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def put(self, document: dict[str, Any]) -> dict[str, Any]:
        content = json.dumps({"schemaVersion": 2, **document}).encode()
        manifest = Manifest.parse(content, Digest.of(content))
        self.registry.manifests.put(APP, manifest, [])
        return {
            "mediaType": manifest.media_type,
            "digest": manifest.digest,
            "size": len(content),
        }

    def image(self, config: Any, **more: Any) -> dict[str, Any]:
        content = config if isinstance(config, bytes) else json.dumps(config).encode()
        return self.put(
            {
                "mediaType": images.MANIFEST,
                "config": self.blob(content, images.CONFIG),
                "layers": [self.blob(b"four", images.LAYER), self.blob(b"sixsix", images.LAYER)],
                **more,
            }
        )

    def index(self, *children: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self.put({"mediaType": images.INDEX, "manifests": [*children], **more})

    def describe(self, descriptor: dict[str, Any]) -> Description:
        return describe(self.registry, APP, Digest(descriptor["digest"]))


@pytest.fixture
def repo(registry: Registry) -> Repo:
    return Repo(registry)


def test_an_image(repo):
    config = {
        "os": "linux",
        "architecture": "arm64",
        "variant": "v8",
        "created": "2024-05-06T09:08:07+02:00",
        "config": {"Labels": {TITLE: "of the label", "maintainer": "ops", "number": 1}},
    }
    described = repo.describe(repo.image(config, annotations={TITLE: "of the annotation"}))
    assert described == Description(
        media_type=images.MANIFEST,
        artifact_type=images.CONFIG,
        size=10 + len(json.dumps(config)),
        created=datetime(2024, 5, 6, 7, 8, 7),
        platforms=(("linux", "arm64", "v8"),),
        annotations={TITLE: "of the annotation", "maintainer": "ops"},
    )


def test_an_index_speaks_by_its_first_image(repo):
    attestation = repo.image({"os": "unknown"})
    image = repo.image({"os": "linux", "config": {"Labels": {TITLE: "mine", "a": "b"}}})
    described = repo.describe(
        repo.index(
            {**attestation, "platform": {"os": "unknown", "architecture": "unknown"}},
            {**image, "platform": {"os": "linux", "architecture": "amd64"}},
            {**image, "platform": {"os": "linux", "architecture": "amd64"}},
            {**image, "platform": {"os": "linux"}},
            annotations={"a": "of the index"},
        )
    )
    assert described.platforms == (("linux", "amd64", ""),)
    assert described.annotations == {TITLE: "mine", "a": "of the index"}
    assert described.size is None


@pytest.mark.parametrize(
    "config",
    [
        b"not JSON",
        b"[" * 100_000,
        b"\xff",
        b"[]",
        b"{" + b" " * MAX_CONFIG + b"}",
        {"config": [], "os": 1, "architecture": None, "created": 5},
        {"config": {"Labels": ["a"]}, "os": "linux", "created": "yesterday"},
        {"created": "0001-01-01T00:00:00Z"},
        {"created": "9999-12-31T23:59:59-12:00"},
    ],
    ids=range(9),
)
def test_a_config_of_any_kind_does_no_harm(repo, config):
    described = repo.describe(repo.image(config))
    assert described.media_type == images.MANIFEST
    assert (described.created, described.platforms, described.annotations) == (None, (), {})


def test_a_manifest_that_is_gone(repo):
    assert repo.describe({"digest": Digest.of(b"nothing")}) == Description()


def test_what_is_too_much_is_cut(repo):
    labels = {f"label{number}": "x" * (MAX_VALUE + 1) for number in range(MAX_ANNOTATIONS * 2)}
    image = repo.image({"config": {"Labels": labels}}, annotations={TITLE: "kept"})
    described = repo.describe(image)
    assert len(described.annotations) == MAX_ANNOTATIONS
    assert described.annotations[TITLE] == "kept"
    assert max(map(len, described.annotations.values())) == MAX_VALUE
    children = [
        {**image, "platform": {"os": "linux", "architecture": f"a{number}"}}
        for number in range(MAX_PLATFORMS * 2)
    ]
    assert len(repo.describe(repo.index(*children)).platforms) == MAX_PLATFORMS


def test_a_size_that_no_database_can_hold(repo, registry):
    huge = {
        "mediaType": images.FOREIGN_LAYER,
        "digest": Digest.of(b"elsewhere"),
        "size": 2**80,
        "urls": ["https://127.0.0.1/layer"],
    }
    described = repo.describe(repo.image({}, layers=[huge]))
    assert described.size == 2**63 - 1
