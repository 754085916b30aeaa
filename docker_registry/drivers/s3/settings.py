"""Reading the settings of the S3 flavors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from docker_registry.drivers.s3.client import Store
from docker_registry.errors import ConfigError

if TYPE_CHECKING:
    from docker_registry.config import Settings

#: What ``boto_calling_format`` may end with: the classes that boto 2 had, and plain words.
STYLES: dict[str, Literal["path", "virtual", "auto"]] = {
    "ordinarycallingformat": "path",
    "protocolindependentordinarycallingformat": "path",
    "path": "path",
    "subdomaincallingformat": "virtual",
    "vhostcallingformat": "virtual",
    "virtual": "virtual",
    "auto": "auto",
}


def store(settings: Settings) -> Store:
    """Give the bucket that the settings describe. Raises ``ConfigError`` for what can't be used."""
    if (settings.s3_access_key is None) != (settings.s3_secret_key is None):
        raise ConfigError(
            "s3_access_key (AWS_KEY) and s3_secret_key (AWS_SECRET) belong together: set both, or "
            "neither to use the credentials that the AWS SDK finds"
        )
    return Store(
        bucket=_bucket(settings),
        prefix=prefix(settings),
        endpoint=_endpoint(settings),
        public=settings.storage_public_url,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else None,
        style=_style(settings.boto_calling_format),
        signature="s3v4" if settings.s3_use_sigv4 else "s3",
        ca_bundle=settings.s3_ca_bundle,
        proxy=_proxy(settings),
        encryption=_encryption(settings),
        placement=_placement(settings),
        copy_limit=settings.s3_copy_limit,
        connect_timeout=settings.storage_connect_timeout,
        read_timeout=settings.storage_read_timeout,
        attempts=settings.storage_attempts,
    )


def prefix(settings: Settings) -> str:
    """Give what all keys begin with: ``storage_path`` as 0.9 and registry:2 write it in keys."""
    path = settings.storage_path.strip("/")
    return f"{path}/" if path else ""


def _bucket(settings: Settings) -> str:
    names = {name for name in (settings.s3_bucket, settings.boto_bucket) if name}
    if not names:
        raise ConfigError("no bucket is named: set s3_bucket (AWS_BUCKET)")
    if len(names) > 1:
        raise ConfigError(
            f"s3_bucket (AWS_BUCKET) is {settings.s3_bucket!r} and boto_bucket is "
            f"{settings.boto_bucket!r}, which means the same: remove one of them"
        )
    return names.pop()


def _endpoint(settings: Settings) -> str | None:
    host = settings.boto_host
    if host is None:
        if settings.boto_port is not None:
            raise ConfigError("boto_port (AWS_PORT) is set without boto_host (AWS_HOST): set both")
        # Amazon's endpoint depends on the region; the SDK knows it.
        return None if settings.s3_secure else "http://s3.amazonaws.com"
    port = f":{settings.boto_port}" if settings.boto_port else ""
    if "://" in host:
        return host.rstrip("/") + port
    bracketed = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    return f"http{'s' * settings.s3_secure}://{bracketed}{port}"


def _style(calling_format: str | None) -> Literal["path", "virtual", "auto"]:
    name = (calling_format or "auto").rpartition(".")[2].lower()
    if name not in STYLES:
        raise ConfigError(
            f"boto_calling_format (AWS_CALLING_FORMAT) is {calling_format!r}: set "
            "boto.s3.connection.OrdinaryCallingFormat (the bucket in the path) or "
            "boto.s3.connection.SubdomainCallingFormat (in the host name)"
        )
    return STYLES[name]


def _proxy(settings: Settings) -> str | None:
    if settings.boto_proxy is None:
        return None
    login = ""
    if settings.boto_proxy_user:
        secret = settings.boto_proxy_pass.get_secret_value() if settings.boto_proxy_pass else ""
        login = f"{quote(settings.boto_proxy_user, safe='')}:{quote(secret, safe='')}@"
    port = f":{settings.boto_proxy_port}" if settings.boto_proxy_port else ""
    return f"http://{login}{settings.boto_proxy}{port}"


def _encryption(settings: Settings) -> dict[str, str]:
    if settings.s3_kms_key:
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": settings.s3_kms_key}
    return {"ServerSideEncryption": "AES256"} if settings.s3_encrypt else {}


def _placement(settings: Settings) -> dict[str, str]:
    wanted = {"StorageClass": settings.s3_storage_class, "ACL": settings.s3_acl}
    return {name: value for name, value in wanted.items() if value}
