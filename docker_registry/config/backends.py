"""The keys of single storage drivers, under the names that docker-registry 0.9 gave them.

They are known whether or not the driver is installed, so that a file with all flavors can be
checked anywhere.
"""

from __future__ import annotations

from pydantic import SecretStr

from docker_registry.config.keys import Keys, Numbers, Port, Words, key, section


class DriverKeys(Keys):
    """Keys that matter to one driver only."""


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


class Azure(DriverKeys):
    """Azure Blob Storage (flavor `azureblob`)."""

    azure_storage_account_name: str | None = key(
        None, "Name of the storage account.", "AZURE_STORAGE_ACCOUNT_NAME"
    )
    azure_storage_account_key: SecretStr | None = key(
        None, "Key of the storage account.", "AZURE_STORAGE_ACCOUNT_KEY"
    )
    azure_storage_container: str = key(
        "registry", "Name of the container.", "AZURE_STORAGE_CONTAINER"
    )
    azure_use_https: bool = key(True, "Whether to speak TLS.", "AZURE_USE_HTTPS")


class Gcs(DriverKeys):
    """Google Cloud Storage (flavor `gcs`); the bucket is `boto_bucket`."""

    gs_access_key: str | None = key(None, "Id of the interoperability key.", "GCS_KEY")
    gs_secret_key: SecretStr | None = key(None, "Secret of the same.", "GCS_SECRET")
    gs_secure: bool = key(True, "Whether to speak TLS.", "GCS_SECURE")
    oauth2: bool = key(
        False, "Whether to log in by OAuth 2.0 instead of the interoperability key.", "GCS_OAUTH2"
    )


class Swift(DriverKeys):
    """OpenStack Swift (flavors `swift`, `glance-swift`, `openstack-swift`)."""

    swift_authurl: str | None = key(None, "URL of Keystone.", "OS_AUTH_URL")
    swift_auth_version: int = key(3, "Version of its API.", "OS_IDENTITY_API_VERSION", ge=1, le=3)
    swift_container: str | None = key(None, "Name of the container.", "OS_CONTAINER")
    swift_user: str | None = key(None, "User name.", "OS_USERNAME")
    swift_password: SecretStr | None = key(None, "Password.", "OS_PASSWORD")
    swift_tenant_name: str | None = key(None, "Project (once: tenant).", "OS_TENANT_NAME")
    swift_region_name: str | None = key(None, "Region in the catalog.", "OS_REGION_NAME")
    swift_cacert: str | None = key(
        None, "Path of the CA certificates that Keystone and Swift are trusted by.", "OS_CACERT"
    )
    swift_object_storage_url: str | None = key(
        None, "URL of Swift, where the catalog's isn't the right one."
    )


class Elliptics(DriverKeys):
    """Elliptics (flavor `elliptics`)."""

    elliptics_nodes: Words = key([], "Nodes, each `host:port:family`.", "ELLIPTICS_NODES")
    elliptics_groups: Numbers = key([], "Groups that hold the replicas.", "ELLIPTICS_GROUPS")
    elliptics_namespace: str = key("DOCKER", "Namespace of our keys.")
    elliptics_wait_timeout: int = key(
        60, "Seconds to wait for an answer.", "ELLIPTICS_WAIT_TIMEOUT", ge=1
    )
    elliptics_check_timeout: int = key(
        60, "Seconds between checks of a node.", "ELLIPTICS_CHECK_TIMEOUT", ge=1
    )
    elliptics_io_thread_num: int = key(
        2, "Threads for blocking work.", "ELLIPTICS_IO_THREAD_NUM", ge=1
    )
    elliptics_net_thread_num: int = key(
        2, "Threads for the network.", "ELLIPTICS_NET_THREAD_NUM", ge=1
    )
    elliptics_nonblocking_io_thread_num: int = key(
        2, "Threads for non-blocking work.", "ELLIPTICS_NONBLOCKING_IO_THREAD_NUM", ge=1
    )
    elliptics_verbosity: str = key(
        "error", "What is logged: error, notice, info, debug or data.", "ELLIPTICS_VERBOSITY"
    )
    elliptics_logfile: str = key("/dev/stderr", "Where it is logged.", "ELLIPTICS_LOGFILE")
    elliptics_addr_family: int = key(
        2, "Address family of nodes that name none: 2 or 10.", "ELLIPTICS_ADDR_FAMILY"
    )
    elliptics_node_flags: Words = key([], "Flags of the client node.")


class Oss(DriverKeys):
    """Aliyun OSS (flavor `oss`)."""

    oss_host: str | None = key(None, "Endpoint of the region.", "OSS_HOST")
    oss_bucket: str | None = key(None, "Name of the bucket.", "OSS_BUCKET")
    oss_accessid: str | None = key(None, "Id of the access key.", "OSS_KEY")
    oss_accesskey: SecretStr | None = key(None, "Secret of the access key.", "OSS_SECRET")
