"""Saying which setting is to blame when a store can't be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from docker_registry.drivers.s3.client import Store
from docker_registry.drivers.s3.errors import code, status
from docker_registry.errors import PathNotFound, StorageError, Unavailable

_BUCKET = (
    "there is no bucket {store.bucket!r} at {where}: create it, or name another one in s3_bucket "
    "(AWS_BUCKET)"
)
_REGION = (
    "the bucket {store.bucket!r} is not in the region {region}: set s3_region (AWS_REGION) to the "
    "bucket's own"
)
_SILENT = (
    "{where} can't be reached: look at boto_host (AWS_HOST), boto_port (AWS_PORT) and s3_secure "
    "(AWS_SECURE), and whether the store runs"
)
_CREDENTIALS = (
    "no credentials were found: set s3_access_key (AWS_KEY) and s3_secret_key (AWS_SECRET), or "
    "give the AWS SDK some in its own way, such as AWS_PROFILE or a role of this machine"
)
_RIGHTS = (
    "the access key {key} may not do this in the bucket {store.bucket!r}: give its user the right "
    "to list, get, put and delete there, or set others in s3_access_key (AWS_KEY) and "
    "s3_secret_key (AWS_SECRET)"
)
_EXPIRED = "the credentials of the AWS SDK have expired or are revoked: renew them"

#: What to do about an error, by its code or the name of its class in botocore.
_ADVICE = {
    "AccessDenied": _RIGHTS,
    "403": _RIGHTS,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "PermanentRedirect": _REGION,
    "301": _REGION,
    "ExpiredToken": _EXPIRED,
    "InvalidToken": _EXPIRED,
    "InvalidAccessKeyId": "{where} knows no access key {key}: set s3_access_key (AWS_KEY)",
    "SignatureDoesNotMatch": (
        "the secret key is not that of the access key {key}: set s3_secret_key (AWS_SECRET)"
    ),
    "RequestTimeTooSkewed": (
        "the clock of this machine is more than 15 minutes away from that of {where}: set it, by "
        "NTP for instance"
    ),
    "NoSuchBucket": _BUCKET,
    "InvalidBucketName": _BUCKET,
    "ParamValidationError": _BUCKET,
    "NoCredentialsError": _CREDENTIALS,
    "PartialCredentialsError": _CREDENTIALS,
    "CredentialRetrievalError": _CREDENTIALS,
    "ConnectTimeoutError": _SILENT,
    "ConnectionClosedError": _SILENT,
    "EndpointConnectionError": _SILENT,
    "HTTPClientError": _SILENT,
    "ReadTimeoutError": _SILENT,
    "ProxyConnectionError": ("the proxy can't be reached: look at boto_proxy and boto_proxy_port"),
    "SSLError": (
        "TLS with {where} fails: name the store's CA certificates in s3_ca_bundle (AWS_CA_BUNDLE), "
        "or set s3_secure (AWS_SECURE) to false if it speaks plain HTTP"
    ),
    "ResponseParserError": (
        "{where} does not answer as an S3 store does: look at boto_host (AWS_HOST), boto_port "
        "(AWS_PORT) and s3_secure (AWS_SECURE)"
    ),
}
_ENCRYPTION = (
    "{where} may be unable to encrypt objects, at least without TLS: set s3_encrypt (AWS_ENCRYPT) "
    "to false and s3_kms_key (AWS_KMS_KEY) to nothing, or s3_secure (AWS_SECURE) to true"
)


@contextmanager
def advise(store: Store) -> Iterator[None]:
    """Add to a storage error of the block what the operator can do about it."""
    try:
        yield
    except StorageError as error:
        cause = error.__cause__
        text = _ADVICE.get(code(cause))
        if text is None and store.encryption and status(cause) in (400, 501):
            text = _ENCRYPTION
        if text is None:
            raise
        # What isn't there is the bucket: nobody can say what it holds.
        kind = Unavailable if isinstance(error, PathNotFound) else type(error)
        raise kind(f"{_filled(text, store)} ({error})") from cause


def _filled(text: str, store: Store) -> str:
    return text.format(
        store=store,
        where=store.endpoint or "Amazon S3",
        key=store.access_key or "that the AWS SDK found",
        region=store.region or "that the AWS SDK chose",
    )
