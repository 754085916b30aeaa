"""What is special about Glance: its images, and the driver beside it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from docker_registry.drivers import create
from docker_registry.drivers.glance import GlanceDriver
from docker_registry.drivers.local import LocalDriver
from docker_registry.errors import PathNotFound
from tests.drivers.glance_service import glance_images
from tests.drivers.swift_service import swift_settings

DATA = b"a layer"
HEX = hashlib.sha256(DATA).hexdigest()
BLOB = f"docker/registry/v2/blobs/sha256/{HEX[:2]}/{HEX}/data"
UPLOAD = "docker/registry/v2/repositories/library/ubuntu/_uploads/1"


@pytest.fixture
def driver() -> Iterator[GlanceDriver]:
    with glance_images() as opened:
        yield opened()


@pytest.mark.parametrize("parts", [[DATA], [DATA[:2], DATA[2:]]])
def test_an_operator_reads_repository_and_digest(driver: GlanceDriver, parts: list[bytes]) -> None:
    state = driver.start_upload(UPLOAD)
    for part in parts:
        state = driver.append(state, [part])
    driver.commit(state, BLOB)
    driver.abort(state)
    (image,) = driver._images.at(BLOB)
    assert image["name"] == f"library/ubuntu@sha256:{HEX}"
    assert image["docker_registry_digest"] == f"sha256:{HEX}"
    assert (image["container_format"], image["disk_format"]) == ("docker", "raw")
    assert image["visibility"] == "private"
    assert list(driver._images.unfinished()) == []
    assert driver.get_content(BLOB) == DATA


def test_bytes_refused_at_their_end_leave_no_image(driver: GlanceDriver) -> None:
    def refused() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise ValueError("another digest")

    with pytest.raises(ValueError, match="another digest"):
        driver.write(UPLOAD, refused(), BLOB)
    with pytest.raises(PathNotFound):
        driver.stat(BLOB)
    assert list(driver._images._list({})) == []


def test_a_replaced_blob_is_seen_by_another_process() -> None:
    with glance_images() as opened:
        one, other = opened(), opened()
        one.put_content(BLOB, DATA)
        assert other.get_content(BLOB) == DATA
        one.put_content(BLOB, DATA)
        assert other.get_content(BLOB) == DATA
        one.delete(BLOB)
        with pytest.raises(PathNotFound):
            other.get_content(BLOB)


def test_capitals_make_another_path_and_another_store() -> None:
    name = f"test-{uuid.uuid4().hex}"
    lower, upper = (
        GlanceDriver.from_settings(swift_settings(storage="glance", storage_path=path))
        for path in (name, name.upper())
    )
    paths = ["images/a/layer", "images/A/layer"]
    try:
        for path in paths:
            lower.put_content(path, path.encode())
        assert [lower.get_content(path) for path in paths] == [path.encode() for path in paths]
        assert lower.list("images") == ["A", "a"]
        assert upper.list("") == []
    finally:
        lower.delete("images")


def test_layers_are_images_and_all_else_is_in_the_alternate(tmp_path: Path) -> None:
    settings = swift_settings(
        storage="glance", storage_alternate=["local"], storage_alternate_path=str(tmp_path)
    )
    chain, alone = create(settings), GlanceDriver.from_settings(settings)
    link = "docker/registry/v2/repositories/a/_layers/link"
    chain.put_content(link, b"text")
    chain.write(UPLOAD, [DATA], BLOB)
    try:
        assert alone.get_content(BLOB) == DATA
        assert LocalDriver(tmp_path).get_content(link) == b"text"
        with chain.reader(BLOB, 2, 3) as reader:
            assert b"".join(reader) == DATA[2:5]
        with pytest.raises(PathNotFound):
            LocalDriver(tmp_path).stat(BLOB)
    finally:
        chain.delete(BLOB)
    with pytest.raises(PathNotFound):
        alone.stat(BLOB)
