"""What is special about the driver for Azure Blob Storage."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from docker_registry.config import Settings
from docker_registry.drivers.azureblob import AzureDriver
from docker_registry.errors import AccessDenied, ConfigError, PathNotFound, Unavailable
from tests.drivers.azurite import azure_container, azure_settings, container_client

LARGE = hashlib.shake_128(b"large").digest(5 * 1024 * 1024 + 12345)


@pytest.fixture
def place() -> Iterator[Settings]:
    with azure_container() as settings:
        yield settings


def test_objects_lie_where_older_registries_put_them() -> None:
    for path, name in (
        ("/registry", "registry/a/b"),
        ("/", "a/b"),
        ("x/y/", "x/y/a/b"),
        ("//", "/a/b"),
        ("//x", "/x/a/b"),
    ):
        with azure_container(storage_path=path) as settings:
            AzureDriver.from_settings(settings).put_content("a/b", b"x")
            with container_client(settings) as client:
                assert list(client.list_blob_names()) == [name]


def test_a_missing_container_is_made_and_is_private() -> None:
    settings = azure_settings()
    driver = AzureDriver.from_settings(settings)
    for call in (driver.stat, driver.get_content, driver.list, driver.delete):
        with pytest.raises(Unavailable):
            call("a")
    driver.check()
    with container_client(settings) as client:
        assert client.get_container_properties().public_access is None
        with pytest.raises(PathNotFound):
            driver.stat("a")
        client.delete_container()


def test_a_public_container_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    settings = azure_settings()
    with container_client(settings) as client:
        client.create_container(public_access="blob")
        with caplog.at_level(logging.WARNING):
            AzureDriver.from_settings(settings).check()
        assert "private" in caplog.text
        client.delete_container()


@pytest.mark.parametrize(("path", "prefix"), [("/some/prefix", "some/prefix/"), ("//", "/")])
def test_append_blobs_of_distribution_are_read_and_replaced(path: str, prefix: str) -> None:
    with azure_container(storage_path=path) as settings:
        driver = AzureDriver.from_settings(settings)
        with container_client(settings) as client:
            for name in ("put", "committed", "deleted", "below/deleted"):
                blob = client.get_blob_client(f"{prefix}{name}")
                blob.create_append_blob()
                blob.append_block(b"old")
        assert driver.list("") == ["below", "committed", "deleted", "put"]
        assert driver.get_content("put") == driver.get_content("committed") == b"old"
        address = driver.redirect_url("put", "GET", 60)
        assert requests.get(address, timeout=10).content == b"old"
        driver.touch("put")
        driver.put_content("put", b"new")
        driver.write("up", [LARGE], "committed")
        driver.delete("deleted")
        driver.delete("below")
        assert driver.get_content("put") == b"new"
        assert driver.get_content("committed") == LARGE
        assert driver.list("") == ["committed", "put"]


def test_an_address_is_for_reading_one_blob(place: Settings) -> None:
    driver = AzureDriver.from_settings(place)
    driver.put_content("a/b", b"content")
    driver.put_content("a/c", b"other")
    url = driver.redirect_url("a/b", "GET", 60)
    assert requests.get(url, timeout=10).content == b"content"
    assert requests.head(url, timeout=10).headers["Content-Length"] == "7"
    assert requests.get(url, headers={"Range": "bytes=2-3"}, timeout=10).content == b"nt"
    assert requests.get(url.replace("a/b", "a/c"), timeout=10).status_code == 403
    assert requests.delete(url, timeout=10).status_code == 403
    expired = driver.redirect_url("a/b", "GET", -60)
    assert requests.get(expired, timeout=10).status_code == 403


def test_an_address_leads_to_the_public_endpoint(place: Settings) -> None:
    public = place.model_copy(update={"storage_public_url": "https://blobs.example.org/x/"})
    url = AzureDriver.from_settings(public).redirect_url("a", "GET", 60)
    container = place.azure_storage_container
    assert url.startswith(f"https://blobs.example.org/x/{container}/some/prefix/a?")


def test_a_wrong_key_is_named(place: Settings) -> None:
    wrong = azure_settings(azure_storage_account_key="d3Jvbmc=")
    with pytest.raises(AccessDenied, match="AZURE_STORAGE_ACCOUNT_KEY") as caught:
        AzureDriver.from_settings(wrong).check()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "variable"),
    [
        ({}, "AZURE_STORAGE_ACCOUNT_NAME"),
        ({"azure_storage_account_name": "a"}, "AZURE_STORAGE_ACCOUNT_KEY"),
        (
            {"azure_storage_connection_string": "BlobEndpoint=https://a;SharedAccessSignature=x"},
            "AZURE_STORAGE_CONNECTION_STRING",
        ),
    ],
)
def test_settings_that_can_not_work(keys: dict[str, Any], variable: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        AzureDriver.from_settings(Settings(storage="azureblob", storage_path="/", **keys))


def test_a_connection_string_has_it_all(place: Settings) -> None:
    assert place.azure_storage_account_key
    text = (
        f"DefaultEndpointsProtocol=http;AccountName={place.azure_storage_account_name};"
        f"AccountKey={place.azure_storage_account_key.get_secret_value()};"
        f"BlobEndpoint={place.azure_storage_endpoint};"
    )
    settings = Settings(
        storage="azureblob",
        storage_path="/",
        azure_storage_container=place.azure_storage_container,
        azure_storage_connection_string=text,
    )
    AzureDriver.from_settings(settings).put_content("a", b"x")
    with container_client(place) as client:
        assert list(client.list_blob_names()) == ["a"]
