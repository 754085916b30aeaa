"""Ceph's object gateway, and moto, for tests of the S3 driver."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3

from docker_registry.config import Settings
from docker_registry.drivers.s3 import S3Driver
from docker_registry.errors import PathNotFound
from tests.tools import require_service

MOTO_BUCKET = "registry"


_service = cache(require_service)


@contextmanager
def ceph_prefix() -> Iterator[Settings]:
    """Give settings for a prefix of its own in the bucket, which is emptied at the end."""
    prefix = f"/tests/{uuid.uuid4().hex}"
    yield ceph(storage_path=prefix)
    with suppress(PathNotFound):
        _cleaner().delete(prefix.strip("/"))


@cache
def _cleaner() -> S3Driver:
    # One for all tests: a client of the SDK takes a while to make.
    return S3Driver.from_settings(ceph(storage_path="/"))


def ceph(**changes: Any) -> Settings:
    """Give settings as the flavor ``ceph-s3`` makes them for the gateway."""
    service = _service("ceph")
    address = urlsplit(service["CEPH_S3_ENDPOINT"])
    return Settings(
        **{
            "storage": "s3",
            "storage_path": "/tests",
            "s3_bucket": service["CEPH_S3_BUCKET"],
            "boto_bucket": service["CEPH_S3_BUCKET"],
            "s3_access_key": service["CEPH_S3_ACCESS_KEY"],
            "s3_secret_key": service["CEPH_S3_SECRET_KEY"],
            "s3_encrypt": False,
            "s3_secure": False,
            "boto_host": address.hostname,
            "boto_port": address.port,
            "boto_calling_format": "boto.s3.connection.OrdinaryCallingFormat",
            **changes,
        }
    )


def ceph_tls(**changes: Any) -> Settings:
    """Give settings for the gateway's TLS port."""
    service = _service("ceph")
    address = urlsplit(service["CEPH_S3_TLS_ENDPOINT"])
    tls = {"s3_secure": True, "s3_ca_bundle": service["CEPH_S3_CA"]}
    return ceph(**{"boto_host": address.hostname, "boto_port": address.port, **tls, **changes})


def moto(**changes: Any) -> Settings:
    """Give settings for moto, with a bucket there."""
    url = _service("moto")["MOTO_URL"]
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket=MOTO_BUCKET)
    client.close()
    address = urlsplit(url)
    return Settings(
        **{
            "storage": "s3",
            "storage_path": f"/{uuid.uuid4().hex}",
            "s3_bucket": MOTO_BUCKET,
            "s3_access_key": "key",
            "s3_secret_key": "secret",
            "s3_secure": False,
            "boto_host": address.hostname,
            "boto_port": address.port,
            **changes,
        }
    )
