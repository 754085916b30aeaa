"""What is special to S3: TLS, addresses for clients, encryption, and what settings say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from botocore.utils import parse_timestamp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from docker_registry import drivers
from docker_registry.config import Settings
from docker_registry.drivers.s3 import S3Driver
from docker_registry.drivers.s3.client import MIB, _moment
from docker_registry.drivers.s3.cloudfront import CloudFrontDriver
from docker_registry.drivers.s3.oss import OssDriver
from docker_registry.drivers.s3.settings import store
from docker_registry.errors import AccessDenied, ConfigError, StorageError, Unavailable
from tests.drivers.s3_service import ceph, ceph_prefix, ceph_tls, moto
from tests.proxy import FaultyProxy
from tests.servers import free_port


@pytest.fixture
def driver() -> Iterator[S3Driver]:
    with ceph_prefix() as settings:
        yield S3Driver.from_settings(settings)


# The store


def test_everything_works_over_tls() -> None:
    with ceph_prefix() as settings:
        driver = S3Driver.from_settings(ceph_tls(storage_path=settings.storage_path))
        driver.check()
        data = [bytes([n]) * MIB for n in range(20)]
        driver.put_content("small", b"x")
        driver.write("up", data, "large")
        driver.commit(driver.append(driver.start_upload("up"), data), "other")
        assert driver.get_content("large") == driver.get_content("other") == b"".join(data)
        driver.touch("small")
        driver.delete("up")
        assert driver.list("") == ["large", "other", "small"]


def test_signature_version_2_works() -> None:
    with ceph_prefix() as settings:
        driver = S3Driver.from_settings(settings.model_copy(update={"s3_use_sigv4": False}))
        driver.check()
        driver.write("up", [b"x" * MIB] * 9, "a")
        assert driver.stat("a").size == 9 * MIB


def test_keys_are_those_of_0_9_and_registry_2(driver: S3Driver) -> None:
    driver.put_content("docker/registry/v2/x", b"x")
    client, bucket = driver._connection.client, driver._connection.bucket
    found = client.list_objects_v2(Bucket=bucket, Prefix=driver._connection.store.prefix)
    prefix = driver._connection.store.prefix
    assert [one["Key"] for one in found["Contents"]] == [f"{prefix}docker/registry/v2/x"]
    assert not prefix.startswith("/")
    assert prefix.count("/") == 2


def test_a_directory_of_more_than_a_page_is_deleted(driver: S3Driver) -> None:
    names = [f"{number:04}" for number in range(1203)]
    # An upload of the gateway's Swift API would be faster, but this is the way it is used.
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: driver.put_content(f"d/{name}", b""), names))
    driver.put_content("d-beside", b"x")
    assert list(driver.iterate("d")) == names
    driver.delete("d")
    assert driver.list("") == ["d-beside"]


def test_one_of_many_creates_an_object(driver: S3Driver) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(5):
            created = pool.map(lambda who, n=number: driver.create(f"c/{n}", b"%d" % who), range(8))
            winners = [who for who, won in enumerate(created) if won]
            assert [b"%d" % who for who in winners] == [driver.get_content(f"c/{number}")]


def test_an_empty_object_has_a_time(driver: S3Driver) -> None:
    driver.put_content("empty", b"")
    found = driver.stat("empty")
    assert found.size == 0
    assert abs(found.modified - time.time()) < 60
    with driver.reader("empty", 0, 10) as reader:
        assert (reader.size, list(reader)) == (0, [])


# Addresses


def test_an_address_is_good_for_its_method_only(driver: S3Driver) -> None:
    driver.put_content("a b+c", b"0123456789")
    get, head = (driver.redirect_url("a b+c", method, 60) for method in ("GET", "HEAD"))
    assert get and head
    assert requests.get(get, timeout=5).content == b"0123456789"
    assert requests.get(get, headers={"Range": "bytes=2-4"}, timeout=5).content == b"234"
    answer = requests.head(head, timeout=5)
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "10")
    assert requests.head(get, timeout=5).status_code == 403
    assert requests.get(get.replace("c", "d", 1), timeout=5).status_code == 403


def test_an_address_ends(driver: S3Driver) -> None:
    driver.put_content("a", b"x")
    url = driver.redirect_url("a", "GET", 1)
    assert url
    time.sleep(2.5)
    assert requests.get(url, timeout=5).status_code == 403


def test_clients_may_know_the_store_by_another_address() -> None:
    settings = ceph()
    assert settings.boto_host and settings.boto_port
    with (
        FaultyProxy(settings.boto_host, settings.boto_port) as public,
        ceph_prefix() as prefixed,
    ):
        address = f"http://localhost:{public.port}"
        driver = S3Driver.from_settings(prefixed.model_copy(update={"storage_public_url": address}))
        driver.put_content("a", b"x")
        assert public.requests == []
        url = driver.redirect_url("a", "GET", 60)
        assert url and url.startswith(f"{address}/")
        assert requests.get(url, timeout=5).content == b"x"
        assert len(public.requests) == 1


# Encryption and names of hosts, as far as moto goes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"s3_encrypt": False}, (None, None)),
        ({"s3_encrypt": True}, ("AES256", None)),
        ({"s3_encrypt": True, "s3_kms_key": "the-key"}, ("aws:kms", "the-key")),
    ],
)
def test_objects_are_encrypted(
    changes: dict[str, Any], expected: tuple[str | None, str | None]
) -> None:
    driver = S3Driver.from_settings(moto(**changes))
    driver.check()
    driver.put_content("small", b"x")
    data = [b"x" * MIB] * 9
    driver.write("up", data, "large")
    driver.commit(driver.append(driver.start_upload("up"), [b"x"]), "copied")
    driver.commit(driver.append(driver.start_upload("up"), data), "copied-large")
    driver.touch("small")
    client, prefix = driver._connection.client, driver._connection.store.prefix
    for name in ("small", "large", "copied", "copied-large"):
        found = client.head_object(Bucket="registry", Key=f"{prefix}{name}")
        assert expected == (found.get("ServerSideEncryption"), found.get("SSEKMSKeyId")), name


def test_objects_are_where_and_for_whom_the_settings_say() -> None:
    driver = S3Driver.from_settings(moto(s3_storage_class="STANDARD_IA", s3_acl="public-read"))
    driver.check()
    driver.put_content("small", b"x")
    driver.write("up", [b"x" * MIB] * 9, "large")
    driver.commit(driver.append(driver.start_upload("up"), [b"x"]), "copied")
    client, prefix = driver._connection.client, driver._connection.store.prefix
    for name in ("small", "large", "copied"):
        key = f"{prefix}{name}"
        assert client.head_object(Bucket="registry", Key=key)["StorageClass"] == "STANDARD_IA"
        grants = client.get_object_acl(Bucket="registry", Key=key)["Grants"]
        assert "READ" in [grant["Permission"] for grant in grants], name


def test_a_bucket_in_the_host_name_of_an_address() -> None:
    driver = S3Driver.from_settings(
        settings(boto_host="s3.example.org", boto_calling_format="SubdomainCallingFormat")
    )
    url = driver.redirect_url("a", "GET", 60)
    assert url and url.startswith("https://bucket.s3.example.org/registry/a?")
    assert "X-Amz-Signature" in parse_qs(urlsplit(url).query)


# Settings


def settings(**changes: Any) -> Settings:
    keys = {"s3_access_key": "key", "s3_secret_key": "secret", "s3_bucket": "bucket"}
    return Settings(**{"storage": "s3", "storage_path": "/registry", **keys, **changes})


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-27T06:20:48.123Z",
        "2026-11-27T06:20:48Z",
        "2026-11-27T06:20:48+00:00",
        "2026-11-27T06:20:48",
        "Fri, 27 Nov 2026 06:20:48 GMT",
        "20261127",
        1795760448,
    ],
)
def test_times_are_what_the_sdk_takes_them_for(text: Any) -> None:
    assert _moment(text) == parse_timestamp(text)


@pytest.mark.parametrize(
    ("changes", "endpoint"),
    [
        ({}, None),
        ({"s3_secure": False}, "http://s3.amazonaws.com"),
        ({"boto_host": "s3.example.org"}, "https://s3.example.org"),
        ({"boto_host": "10.0.0.1", "boto_port": 7480, "s3_secure": False}, "http://10.0.0.1:7480"),
        ({"boto_host": "fe80::1", "boto_port": 443}, "https://[fe80::1]:443"),
        ({"boto_host": "http://rgw:80"}, "http://rgw:80"),
    ],
)
def test_where_the_store_is(changes: dict[str, Any], endpoint: str | None) -> None:
    assert store(settings(**changes)).endpoint == endpoint


@pytest.mark.parametrize(
    ("given", "style"),
    [
        (None, "auto"),
        ("boto.s3.connection.OrdinaryCallingFormat", "path"),
        ("boto.s3.connection.SubdomainCallingFormat", "virtual"),
        ("path", "path"),
    ],
)
def test_how_the_bucket_is_addressed(given: str | None, style: str) -> None:
    assert store(settings(boto_calling_format=given)).style == style


@pytest.mark.parametrize("path", ["/registry", "registry/", "/registry/", "registry"])
def test_the_prefix(path: str) -> None:
    assert store(settings(storage_path=path)).prefix == "registry/"
    assert store(settings(storage_path="/")).prefix == ""


def test_a_proxy_on_the_way() -> None:
    found = store(
        settings(
            boto_proxy="proxy", boto_proxy_port=3128, boto_proxy_user="me", boto_proxy_pass="p@ss/"
        )
    )
    assert found.proxy == "http://me:p%40ss%2F@proxy:3128"
    assert "p%40ss" not in repr(found)
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"s3_bucket": None}, ["s3_bucket", "AWS_BUCKET"]),
        ({"boto_bucket": "other"}, ["s3_bucket", "boto_bucket"]),
        ({"s3_secret_key": None}, ["s3_secret_key", "AWS_SECRET"]),
        ({"boto_port": 7480}, ["boto_host", "AWS_HOST"]),
        ({"boto_calling_format": "what"}, ["boto_calling_format", "AWS_CALLING_FORMAT"]),
    ],
)
def test_settings_that_cannot_be_used(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        S3Driver.from_settings(settings(**changes))
    assert all(word in str(raised.value) for word in words)


def test_credentials_of_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ceph()
    assert own.s3_secret_key and own.s3_access_key
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", own.s3_access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", own.s3_secret_key.get_secret_value())
    S3Driver.from_settings(ceph(s3_access_key=None, s3_secret_key=None)).check()


# What a start says


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"s3_access_key": "nobody"}, AccessDenied, ["s3_access_key", "AWS_KEY", "nobody"]),
        ({"s3_secret_key": "wrong"}, AccessDenied, ["s3_secret_key", "AWS_SECRET"]),
        ({"s3_bucket": "nowhere", "boto_bucket": None}, Unavailable, ["s3_bucket", "AWS_BUCKET"]),
        ({"s3_bucket": "No/Bucket", "boto_bucket": None}, Unavailable, ["s3_bucket"]),
        ({"boto_port": 1}, Unavailable, ["boto_host", "AWS_HOST", "boto_port", "AWS_PORT"]),
        ({"s3_secure": True}, Unavailable, ["s3_secure", "AWS_SECURE"]),
        ({"s3_encrypt": True}, Unavailable, ["s3_encrypt", "AWS_ENCRYPT"]),
    ],
)
def test_the_start_names_the_setting(
    changes: dict[str, Any], kind: type[StorageError], words: list[str]
) -> None:
    _says(S3Driver.from_settings(ceph(storage_attempts=1, **changes)), kind, words)


def test_the_start_names_missing_certificates() -> None:
    driver = S3Driver.from_settings(ceph_tls(s3_ca_bundle=None, storage_attempts=1))
    _says(driver, Unavailable, ["s3_ca_bundle", "AWS_CA_BUNDLE"])


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (403, "RequestTimeTooSkewed", AccessDenied, ["clock", "NTP"]),
        (403, "AccessDenied", AccessDenied, ["right", "s3_access_key"]),
        (301, "PermanentRedirect", Unavailable, ["s3_region", "AWS_REGION"]),
        (400, "AuthorizationHeaderMalformed", Unavailable, ["s3_region", "AWS_REGION"]),
    ],
)
def test_the_start_explains_what_only_amazon_says(
    status: int, code: str, kind: type[StorageError], words: list[str]
) -> None:
    own = ceph()
    assert own.boto_host and own.boto_port
    with FaultyProxy(own.boto_host, own.boto_port) as proxy:
        proxy.respond(status, f"<Error><Code>{code}</Code></Error>".encode())
        driver = S3Driver.from_settings(ceph(boto_port=proxy.port, storage_attempts=1))
        _says(driver, kind, words)


def test_the_start_without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    driver = S3Driver.from_settings(ceph(s3_access_key=None, s3_secret_key=None))
    _says(driver, AccessDenied, ["s3_access_key", "AWS_KEY", "AWS_PROFILE"])


def _says(driver: S3Driver, kind: type[StorageError], words: list[str]) -> None:
    with pytest.raises(kind) as raised:
        driver.check()
    text = str(raised.value)
    assert type(raised.value) is kind
    assert all(word in text for word in words), text
    assert "\n" not in text


# CloudFront and OSS


@pytest.fixture(scope="module")
def pem() -> str:
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def _pem(key: Any) -> str:
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return str(text.decode())


def cloudfront(key: str, **changes: Any) -> Settings:
    front = {"base": "https://d1.cloudfront.net/", "keyid": "K1", "keysecret": key}
    return settings(cloudfront={**front, **changes})


@pytest.mark.parametrize("form", ["text", "one line", "file"])
def test_cloudfront_signs_addresses(pem: str, tmp_path: Path, form: str) -> None:
    (tmp_path / "key.pem").write_text(pem)
    given = {"text": pem, "one line": pem.replace("\n", "\\n"), "file": str(tmp_path / "key.pem")}
    driver = CloudFrontDriver.from_settings(cloudfront(given[form]))
    url = driver.redirect_url("a b", "GET", 60)
    assert url
    query = parse_qs(urlsplit(url).query)
    assert url.startswith("https://d1.cloudfront.net/registry/a%20b?")
    assert query["Key-Pair-Id"] == ["K1"]
    assert 0 < int(query["Expires"][0]) - time.time() <= 61
    assert query["Signature"]


def test_the_flavor_of_0_9_is_cloudfront_too(pem: str) -> None:
    assert isinstance(drivers.create(cloudfront(pem)), CloudFrontDriver)


def test_cloudfront_keys_that_cannot_be_used(pem: str, tmp_path: Path) -> None:
    for key in ("-----BEGIN nonsense", str(tmp_path / "missing"), _pem_of_curve()):
        with pytest.raises(ConfigError, match="CF_KEYSECRET"):
            CloudFrontDriver.from_settings(cloudfront(key))
    with pytest.raises(ConfigError, match="CF_KEYID"):
        CloudFrontDriver.from_settings(cloudfront(pem, keyid=None))
    with pytest.raises(ConfigError, match="CF_BASE_URL"):
        CloudFrontDriver.from_settings(cloudfront(pem, base="d1.cloudfront.net"))


def _pem_of_curve() -> str:
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def oss(**changes: Any) -> Settings:
    keys = {"oss_bucket": "bucket", "oss_accessid": "key", "oss_accesskey": "secret"}
    host = {"oss_host": "oss-cn-hangzhou.aliyuncs.com"}
    return Settings(**{"storage": "oss", "storage_path": "/registry/", **keys, **host, **changes})


def test_oss_has_the_bucket_in_the_host_name() -> None:
    url = OssDriver.from_settings(oss()).redirect_url("a", "GET", 60)
    assert url and url.startswith("https://bucket.oss-cn-hangzhou.aliyuncs.com/registry/a?")
    with pytest.raises(ConfigError, match=r"oss_bucket \(OSS_BUCKET\)"):
        OssDriver.from_settings(oss(oss_bucket=None))


def test_oss_stores_as_s3_does() -> None:
    # An address without a name leaves no room for the bucket but the path.
    own = ceph()
    assert own.s3_secret_key
    with ceph_prefix() as prefixed:
        driver = OssDriver.from_settings(
            oss(
                oss_host=f"http://{own.boto_host}:{own.boto_port}",
                oss_bucket=own.s3_bucket,
                oss_accessid=own.s3_access_key,
                oss_accesskey=own.s3_secret_key,
                storage_path=prefixed.storage_path,
            )
        )
        driver.check()
        driver.write("up", [b"x" * MIB] * 9, "a")
        driver.put_content("b", b"")
        assert driver.list("") == ["a", "b"]


def test_nothing_is_asked_before_it_is_needed() -> None:
    own = settings(boto_host="127.0.0.1", boto_port=free_port())
    with pytest.raises(Unavailable):
        S3Driver.from_settings(own).stat("a")
