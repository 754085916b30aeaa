"""An index in each kind of database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from docker_registry.legacy.names import ImageId
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.legacy.names import Tag as V1Tag
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.registry.manifest import OCI_INDEX, Manifest
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.search import writer
from docker_registry.search.database import parse_url
from docker_registry.search.sql import SqlIndex
from tests.tools import require_service

Push = Callable[..., Manifest]
IMAGE, OTHER_IMAGE = ImageId.parse("1" * 64), ImageId.parse("2" * 64)


class V1Tags:
    """Tags of V1 that clients put and delete."""

    def __init__(self, legacy: LegacyStore) -> None:
        self._legacy = legacy
        for image in (IMAGE, OTHER_IMAGE):
            legacy.driver.put_content(f"images/{image}/json", b"{}")
            legacy.driver.put_content(f"images/{image}/layer", b"")

    def put(self, name: str, *tags: str, image: ImageId = IMAGE) -> None:
        for tag in tags:
            self._legacy.tags.put(V1Name.parse(name), V1Tag(tag), image, "docker/1.5.0")

    def delete(self, name: str, tag: str | None = None) -> None:
        """Delete a tag, or the repository."""
        if tag is None:
            self._legacy.repositories.delete(V1Name.parse(name))
        else:
            self._legacy.tags.delete(V1Name.parse(name), V1Tag(tag))


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty database that no other test uses."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/index.db"
        return
    service = parse_url(require_service(request.param)["SQLALCHEMY_INDEX_DATABASE"])
    server = create_engine(service, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    name = f"test_{secrets.token_hex(8)}"
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield service.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        force = " WITH (FORCE)" if server.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP DATABASE {name}{force}")


@pytest.fixture
def index(
    registry: Registry, legacy: LegacyStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SqlIndex]:
    """Give an index that follows both stores at once, however busy the machine is."""
    monkeypatch.setattr(writer, "PATIENCE", 60)
    index = SqlIndex(url, registry, legacy)
    index.prepare()
    index.connect()
    index.repair()
    yield index
    index.prepare()  # It lets go of its connections.


@pytest.fixture
def legacy(registry: Registry) -> LegacyStore:
    return LegacyStore(registry.driver)


@pytest.fixture
def v1(legacy: LegacyStore) -> V1Tags:
    return V1Tags(legacy)


@pytest.fixture
def push(registry: Registry) -> Push:
    """Push an index without images, under a name and tags."""

    def push(name: str, *tags: str, **annotations: str) -> Manifest:
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [],
            "annotations": {
                f"org.opencontainers.image.{key}": value for key, value in annotations.items()
            },
        }
        content = json.dumps(document).encode()
        manifest = Manifest.parse(content, Digest.of(content))
        registry.manifests.put(RepositoryName.parse(name), manifest, [Tag(tag) for tag in tags])
        return manifest

    return push
