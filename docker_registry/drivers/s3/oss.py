"""Aliyun OSS, by the S3 interface that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docker_registry.drivers.s3.client import Store
from docker_registry.drivers.s3.driver import S3Driver
from docker_registry.drivers.s3.settings import prefix
from docker_registry.errors import ConfigError

if TYPE_CHECKING:
    from docker_registry.config import Settings


class OssDriver(S3Driver):
    """A bucket of OSS.

    OSS wants the bucket in the host name, and signature version 2, since it doesn't take all forms
    of version 4 (OSS Developer Reference, "Use AWS SDKs to access OSS").
    """

    name = "oss"

    @classmethod
    def from_settings(cls, settings: Settings) -> OssDriver:
        """Take the keys that begin with ``oss_``, and those of every store."""
        wanted = {
            "oss_host (OSS_HOST)": settings.oss_host,
            "oss_bucket (OSS_BUCKET)": settings.oss_bucket,
            "oss_accessid (OSS_KEY)": settings.oss_accessid,
            "oss_accesskey (OSS_SECRET)": settings.oss_accesskey,
        }
        missing = [name for name, value in wanted.items() if not value]
        host, bucket, secret = settings.oss_host, settings.oss_bucket, settings.oss_accesskey
        if not (host and bucket and secret) or missing:
            raise ConfigError(f"OSS needs {', '.join(missing)}: set what is missing")
        return cls(
            Store(
                bucket=bucket,
                prefix=prefix(settings),
                endpoint=host.rstrip("/") if "://" in host else f"https://{host}",
                public=settings.storage_public_url,
                access_key=settings.oss_accessid,
                secret_key=secret.get_secret_value(),
                style="virtual",
                signature="s3",
                connect_timeout=settings.storage_connect_timeout,
                read_timeout=settings.storage_read_timeout,
                attempts=settings.storage_attempts,
            )
        )
