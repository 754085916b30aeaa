"""What is special about the driver for Google Cloud Storage."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from docker_registry.config import Settings
from docker_registry.drivers.gcs import GcsDriver
from docker_registry.drivers.gcs.upload import CHUNK_BYTES
from docker_registry.errors import ConfigError, PathNotFound, Unavailable
from tests.drivers.gcs_service import gcs_bucket
from tests.gcs.server import GcsStub
from tests.gcs.settings import BUCKET, strict_bucket

LARGE = hashlib.shake_128(b"large").digest(3 * CHUNK_BYTES + 12345)
CHUNKS = [LARGE[start : start + 100_000] for start in range(0, len(LARGE), 100_000)]


@pytest.fixture
def strict() -> Iterator[tuple[GcsDriver, GcsStub]]:
    with strict_bucket() as (settings, stub):
        yield GcsDriver.from_settings(settings), stub


def names(stub: GcsStub) -> list[str]:
    return sorted(stub.buckets[BUCKET])


def asked(stub: GcsStub) -> list[str]:
    """Give the requests, without the one that the SDK makes of its own accord."""
    return [call for call in stub.calls if call != f"GET /storage/v1/b/{BUCKET}"]


def test_the_emulator_takes_it_too() -> None:
    with gcs_bucket() as settings:
        driver = GcsDriver.from_settings(settings)
        driver.check()
        driver.write("up", CHUNKS, "blobs/large")
        assert driver.get_content("blobs/large") == LARGE
        state = driver.append(driver.start_upload("up"), CHUNKS)
        state = driver.append(state, [b"more"])
        driver.commit(state, "blobs/joined")
        driver.abort(state)
        assert driver.get_content("blobs/joined") == LARGE + b"more"
        assert driver.list("blobs") == ["joined", "large"]
        driver.delete("blobs")
        assert driver.list("") == []


def test_objects_lie_where_older_registries_put_them() -> None:
    for path, name in (("/registry", "registry/a/b"), ("/", "a/b"), ("x/y/", "x/y/a/b")):
        with strict_bucket(storage_path=path) as (settings, stub):
            GcsDriver.from_settings(settings).put_content("a/b", b"x")
            assert names(stub) == [name]


def test_a_large_write_is_one_upload_to_the_final_name(strict) -> None:
    driver, stub = strict
    driver.write("up", CHUNKS, "target")
    chunks = len(LARGE) // CHUNK_BYTES + 1
    upload = f"/upload/storage/v1/b/{BUCKET}/o"
    assert asked(stub) == [f"POST {upload}", *[f"PUT {upload}"] * chunks]
    assert driver.get_content("target") == LARGE
    assert names(stub) == ["some/prefix/target"]


def test_a_write_that_fills_its_chunks_ends(strict) -> None:
    driver, _ = strict
    for size in (CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES):
        driver.write("up", [LARGE[:size]], "target")
        assert driver.get_content("target") == LARGE[:size]


@pytest.mark.parametrize("error", [OSError("gone"), requests.ConnectionError("upstream")])
def test_a_write_cut_off_leaves_nothing(strict, error: Exception) -> None:
    driver, stub = strict

    def broken() -> Iterator[bytes]:
        yield LARGE
        raise error

    with pytest.raises(type(error)) as caught:
        driver.write("up", broken(), "target")
    assert caught.value is error
    assert names(stub) == []


def test_calls_are_few(strict) -> None:
    driver, stub = strict
    driver.put_content("a", b"0123456789")
    for call, limit in (
        (lambda: driver.stat("a"), 1),
        (lambda: driver.get_content("a"), 1),
        (lambda: driver.reader("a", 2, 3).close(), 1),
        (lambda: driver.list(""), 1),
        (lambda: driver.touch("a"), 1),
        (lambda: driver.write("up", [b"small"], "b"), 1),
        (lambda: driver.redirect_url("a", "GET", 60), 0),
        (lambda: driver.delete("a"), 1),
    ):
        before = len(asked(stub))
        call()
        assert len(asked(stub)) - before == limit


def test_seventy_parts_are_joined_by_the_service(strict) -> None:
    driver, stub = strict
    state = driver.start_upload("up")
    for number in range(70):
        state = driver.append(state, [f"{number},".encode()])
    stub.calls.clear()
    driver.commit(state, "target")
    assert [call for call in stub.calls if "/download/" in call or "/upload/" in call] == []
    assert driver.get_content("target") == b"".join(f"{n},".encode() for n in range(70))
    driver.abort(state)
    assert names(stub) == ["some/prefix/target"]


def test_a_bucket_that_is_gone_is_no_missing_object(strict) -> None:
    driver, stub = strict
    driver.put_content("a", b"x")
    with pytest.raises(PathNotFound):
        driver.stat("b")
    stub.buckets.clear()
    for call in (driver.stat, driver.get_content, driver.list, driver.delete, driver.touch):
        with pytest.raises(Unavailable):
            call("a")
    with pytest.raises(Unavailable, match="GCS_BUCKET"):
        driver.check()


def key_file(directory: Path, **others: str) -> tuple[Path, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = directory / "key.json"
    information = {
        "type": "service_account",
        "client_email": "registry@example.org",
        "token_uri": "http://127.0.0.1:9/token",
        "private_key": pem.decode(),
        **others,
    }
    path.write_text(json.dumps(information))
    return path, key


def test_a_signed_address_works_until_it_expires(tmp_path: Path) -> None:
    path, key = key_file(tmp_path)
    with strict_bucket() as (settings, stub):
        stub.signer = key.public_key()
        GcsDriver.from_settings(settings).put_content("a/b+c", b"content")
        signing = GcsDriver.from_settings(
            settings.model_copy(
                update={
                    "gs_emulator": None,
                    "gs_credentials_file": str(path),
                    "storage_public_url": stub.url,
                }
            )
        )
        url = signing.redirect_url("a/b+c", "GET", 1)
        assert url
        assert requests.get(url, timeout=10).content == b"content"
        assert requests.get(url.replace("b%2Bc", "other"), timeout=10).status_code == 403
        assert requests.head(url, timeout=10).status_code == 403
        head = signing.redirect_url("a/b+c", "HEAD", 60)
        assert head
        assert requests.head(head, timeout=10).headers["Content-Length"] == "7"
        time.sleep(2.1)
        assert requests.get(url, timeout=10).status_code == 400


def test_without_a_key_no_address_is_signed(strict) -> None:
    assert strict[0].redirect_url("a", "GET", 60) is None


@pytest.mark.parametrize(
    ("keys", "variable"),
    [
        ({}, "GCS_BUCKET"),
        ({"gs_bucket": "b", "gs_access_key": "GOOG1"}, "GCS_KEY"),
        ({"gs_bucket": "b", "gs_secure": False}, "GCS_SECURE"),
        ({"gs_bucket": "b", "gs_credentials_file": "/none"}, "GOOGLE_APPLICATION_CREDENTIALS"),
        ({"gs_bucket": "b", "gs_credentials_file": __file__}, "GOOGLE_APPLICATION_CREDENTIALS"),
    ],
)
def test_settings_that_can_not_work(keys: dict[str, Any], variable: str) -> None:
    with pytest.raises(ConfigError, match=variable) as caught:
        GcsDriver.from_settings(Settings(storage="gcs", storage_path="/", **keys))
    assert "\n" not in str(caught.value)
