"""Keys of S3 and of what speaks it: Ceph RGW, Amazon behind CloudFront."""

from __future__ import annotations

from pydantic import SecretStr

from docker_registry.config.backends.base import DriverKeys
from docker_registry.config.keys import Port, key, section


class CloudFront(DriverKeys):
    """Amazon CloudFront in front of S3: where redirects lead (flavor `cloudfronts3`)."""

    base: str | None = key(None, "URL of the distribution.", "CF_BASE_URL")
    keyid: str | None = key(None, "Id of the key pair that signs URLs.", "CF_KEYID")
    keysecret: SecretStr | None = key(
        None, "Its private key: PEM text, or the path of a PEM file.", "CF_KEYSECRET"
    )


class S3(DriverKeys):
    """S3 and Ceph RGW (flavors `s3`, `cloudfronts3`, `ceph-s3`, `prod`); buckets of `gcs` too."""

    s3_region: str | None = key(None, "Region of the bucket.", "AWS_REGION")
    s3_bucket: str | None = key(None, "Name of the bucket.", "AWS_BUCKET")
    boto_bucket: str | None = key(None, "The same, under the name that 0.9 read.")
    s3_access_key: str | None = key(
        None, "Id of the access key; unset, the SDK looks for credentials.", "AWS_KEY"
    )
    s3_secret_key: SecretStr | None = key(None, "Secret of the access key.", "AWS_SECRET")
    s3_encrypt: bool = key(True, "Whether the store encrypts objects (SSE-S3).", "AWS_ENCRYPT")
    s3_kms_key: str | None = key(
        None, "Id or ARN of the KMS key to encrypt with, instead of the store's own.", "AWS_KMS_KEY"
    )
    s3_storage_class: str | None = key(
        None,
        "Storage class of objects, such as `STANDARD_IA`; by default that of the bucket.",
        "AWS_STORAGE_CLASS",
    )
    s3_acl: str | None = key(
        None,
        "Canned ACL of objects, such as `bucket-owner-full-control`; by default they are private.",
        "AWS_ACL",
    )
    s3_ca_bundle: str | None = key(
        None, "Path of the CA certificates that the store is trusted by.", "AWS_CA_BUNDLE"
    )
    s3_copy_limit: int = key(
        4 * 1024 * 1024,
        "Bytes up to which an object is copied by one request of the store, and not in parts.",
        "AWS_COPY_LIMIT",
        ge=0,
        le=5 * 1024**3,
    )
    s3_secure: bool = key(True, "Whether to speak TLS with the store.", "AWS_SECURE")
    s3_use_sigv4: bool = key(True, "Whether to sign with signature version 4.", "AWS_USE_SIGV4")
    boto_host: str | None = key(None, "Host of a store that isn't Amazon's.", "AWS_HOST")
    boto_port: Port | None = key(None, "Its port.", "AWS_PORT")
    boto_calling_format: str | None = key(
        None,
        "How a bucket is addressed: `boto.s3.connection.OrdinaryCallingFormat` puts it in the "
        "path, `…SubdomainCallingFormat` in the host name.",
        "AWS_CALLING_FORMAT",
    )
    boto_debug: int = key(0, "Above 0, the SDK logs what it does.", "AWS_DEBUG", ge=0)
    boto_proxy: str | None = key(None, "Host of an HTTP proxy on the way to the store.")
    boto_proxy_port: Port | None = key(None, "Its port.")
    boto_proxy_user: str | None = key(None, "User at the proxy.")
    boto_proxy_pass: SecretStr | None = key(None, "Password at the proxy.")
    cloudfront: CloudFront = section(CloudFront)
