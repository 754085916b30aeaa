"""Keys of Aliyun OSS."""

from __future__ import annotations

from pydantic import SecretStr

from docker_registry.config.backends.base import DriverKeys
from docker_registry.config.keys import key


class Oss(DriverKeys):
    """Aliyun OSS (flavor `oss`)."""

    oss_host: str | None = key(
        None,
        "Endpoint of the region, such as `oss-cn-hangzhou.aliyuncs.com`; by https unless it says `http://`.",
        "OSS_HOST",
    )
    oss_bucket: str | None = key(None, "Name of the bucket.", "OSS_BUCKET")
    oss_accessid: str | None = key(None, "Id of the access key.", "OSS_KEY")
    oss_accesskey: SecretStr | None = key(None, "Secret of the access key.", "OSS_SECRET")
