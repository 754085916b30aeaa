"""Storage drivers: ours for each of Distribution, and its parameters in our keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from docker_registry.config.distribution.translation import Row, Translation
from docker_registry.config.distribution.values import attempts, switch, text

#: What may stand in the section ``storage`` beside the driver.
RESERVED = frozenset({"cache", "delete", "maintenance", "redirect", "tag"})

#: Where Distribution stores if nothing is said.
DIRECTORY = "/var/lib/registry"
#: The prefix that is none.
ROOT = "/"

_GIVE_CA = (
    "certificates are always verified here, since anybody could read and change what is sent "
    "otherwise: remove it, and name the CA certificates in"
)


def _nothing_more(translation: Translation, section: str) -> None:
    """Everything is in the table."""


@dataclass(frozen=True)
class Store:
    """How a driver of Distribution is translated.

    :ivar driver: the name of ours.
    :ivar required: the parameters that must be given.
    :ivar more: translates what a table can't.
    """

    driver: str
    rows: tuple[Row, ...] = ()
    required: tuple[str, ...] = ()
    more: Callable[[Translation, str], None] = _nothing_more


def translate(translation: Translation) -> str | None:
    """Translate the driver and its parameters, and give the name of its section."""
    named = [name for name in translation.document.names("storage") if name not in RESERVED]
    if len(named) != 1:
        translation.problems.append(_choose(translation, named))
        return None
    section = f"storage.{named[0]}"
    store = STORES.get(named[0])
    if store is None:
        translation.refuse(section, f"no such driver: use one of {', '.join(STORES)}")
        return None
    translation.say("storage", store.driver, section)
    translation.require(section, *store.required)
    translation.apply(store.rows, section)
    store.more(translation, section)
    return section


def _choose(translation: Translation, named: list[str]) -> str:
    if not named:
        return f"storage (REGISTRY_STORAGE) names no driver: name one of {', '.join(STORES)}"
    sources = [
        f"{name} ({translation.document.source(f'storage.{name}')})" for name in sorted(named)
    ]
    return (
        f"storage names more than one driver: {' and '.join(sources)}. To choose another one than "
        "the file's, set REGISTRY_STORAGE to its name as well: that replaces the whole section, "
        "delete, cache and the rest included. Else remove one of them"
    )


def _s3(translation: Translation, section: str) -> None:
    _path_style(translation, section)
    key = translation.read(f"{section}.keyid")
    if key is not None:
        if translation.read(f"{section}.encrypt", switch):
            translation.say("s3_kms_key", key, f"{section}.keyid")
        else:
            translation.note(f"{section}.keyid", f"{section}.encrypt is not true")
    if translation.read(f"{section}.skipverify", switch):
        translation.refuse(f"{section}.skipverify", f"{_GIVE_CA} AWS_CA_BUNDLE")
    if translation.read(f"{section}.sessiontoken"):
        translation.refuse(
            f"{section}.sessiontoken",
            "keys that are good for a session are read from the environment only: remove "
            "accesskey, secretkey and sessiontoken, and set AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
        )


def _path_style(translation: Translation, section: str) -> None:
    """Read how the bucket is addressed. Version 2 always used the path at other stores."""
    style = translation.read(f"{section}.forcepathstyle", switch)
    endpoint = translation.read(f"{section}.regionendpoint")
    if style is not None:
        name = "path" if style else "virtual"
        translation.say("boto_calling_format", name, f"{section}.forcepathstyle")
    elif endpoint is not None:
        translation.presume("boto_calling_format", "path", f"{section}.forcepathstyle")


def _storage_class(value: object) -> str | None:
    name = text(value).upper()
    return None if name in ("STANDARD", "NONE") else name


def _acl(value: object) -> str | None:
    return None if value == "private" else text(value)


def _azure(translation: Translation, section: str) -> None:
    realm = translation.read(f"{section}.realm", text)
    account = translation.read(f"{section}.accountname", text)
    if realm and account and translation.read(f"{section}.serviceurl") is None:
        url = f"https://{account}.blob.{realm}"
        translation.say("azure_storage_endpoint", url, f"{section}.realm")
    kind = translation.read(f"{section}.credentials.type")
    if kind not in (None, "shared_key"):
        translation.refuse(
            f"{section}.credentials.type",
            f"{kind!r} is not in this version: give the account's key, in {section}.accountkey",
        )
    elif translation.read(f"{section}.connectionstring") is None:
        translation.require(section, "accountkey")
    if translation.read(f"{section}.skipverify", switch):
        translation.refuse(f"{section}.skipverify", f"{_GIVE_CA} REQUESTS_CA_BUNDLE")


def _gcs(translation: Translation, section: str) -> None:
    if translation.read(f"{section}.credentials") is not None:
        if translation.read(f"{section}.keyfile") is None:
            translation.refuse(
                f"{section}.credentials",
                "a key is read from a file only: write it into one, as JSON, and name that in "
                f"{section}.keyfile",
            )
        else:
            translation.note(f"{section}.credentials", f"{section}.keyfile is used")


def _swift(translation: Translation, section: str) -> None:
    # Distribution keeps what it stores in files/, and the segments of large objects beside it.
    prefix = translation.read(f"{section}.prefix", text)
    if prefix is None:
        translation.presume("storage_path", "/files", f"{section}.prefix")
    else:
        translation.say("storage_path", f"{prefix}/files", f"{section}.prefix")
    _version_of_login(translation, section)
    # The project is in the user's domain, if nothing else is said.
    own = any(translation.read(f"{section}.{name}") for name in ("tenantdomain", "tenantdomainid"))
    if not own:
        for name, key in (
            ("domain", "openstack_project_domain_name"),
            ("domainid", "openstack_project_domain_id"),
        ):
            value = translation.read(f"{section}.{name}")
            if value is not None:
                translation.say(key, value, f"{section}.{name}")
    if translation.read(f"{section}.insecureskipverify", switch):
        translation.refuse(f"{section}.insecureskipverify", f"{_GIVE_CA} OS_CACERT")
    if translation.read(f"{section}.trustid"):
        translation.refuse(
            f"{section}.trustid",
            "trusts of Keystone are not in this version: use an application credential "
            "(OS_APPLICATION_CREDENTIAL_ID, OS_APPLICATION_CREDENTIAL_SECRET) in the flavor swift",
        )


def _version_of_login(translation: Translation, section: str) -> None:
    name = f"{section}.authversion"
    version = translation.read(name)
    if version in (None, "0"):
        name = f"{section}.authurl"
        address = str(translation.read(name) or "")
        version = next((number for number in "321" if f"v{number}" in address), None)
    if version == "2":
        translation.refuse(
            name, "version 2 of Keystone's API is gone: give the address of version 3, and 3"
        )
    elif version is not None:
        translation.say("swift_auth_version", version, name)


def _oss(translation: Translation, section: str) -> None:
    scheme = "http" if translation.read(f"{section}.secure", switch) is False else "https"
    internal = "-internal" if translation.read(f"{section}.internal", switch) else ""
    region = translation.read(f"{section}.region", text)
    endpoint = translation.read(f"{section}.endpoint", text)
    if endpoint:
        host = endpoint if "://" in endpoint else f"{scheme}://{endpoint}"
        translation.say("oss_host", host, f"{section}.endpoint")
    elif region:
        host = f"{scheme}://{region}{internal}.aliyuncs.com"
        translation.say("oss_host", host, f"{section}.region")
    if translation.read(f"{section}.encrypt", switch):
        translation.refuse(
            f"{section}.encrypt",
            "encryption at OSS can't be asked for in this version: switch it on for the bucket, "
            "and remove this",
        )


_S3 = Store(
    "s3",
    (
        Row("accesskey", "s3_access_key"),
        Row("secretkey", "s3_secret_key"),
        Row("region", "s3_region"),
        Row("bucket", "s3_bucket"),
        Row("regionendpoint", "boto_host"),
        Row("redirectendpoint", "storage_public_url"),
        Row("rootdirectory", "storage_path", default=ROOT),
        Row("encrypt", "s3_encrypt", switch, default=False),
        Row("secure", "s3_secure", switch),
        Row("v4auth", "s3_use_sigv4", switch),
        Row("storageclass", "s3_storage_class", _storage_class),
        Row("objectacl", "s3_acl", _acl),
    ),
    ("bucket",),
    _s3,
)

#: By the name that Distribution gives a driver.
STORES = {
    "filesystem": Store("local", (Row("rootdirectory", "storage_path", default=DIRECTORY),)),
    "inmemory": Store("memory"),
    "s3": _S3,
    "s3aws": _S3,
    "azure": Store(
        "azureblob",
        (
            Row("accountname", "azure_storage_account_name"),
            Row("accountkey", "azure_storage_account_key"),
            Row("connectionstring", "azure_storage_connection_string"),
            Row("container", "azure_storage_container"),
            Row("serviceurl", "azure_storage_endpoint"),
            Row("max_retries", "storage_attempts", attempts),
            Row("rootdirectory", "storage_path", default=ROOT),
        ),
        ("accountname", "container"),
        _azure,
    ),
    "gcs": Store(
        "gcs",
        (
            Row("bucket", "gs_bucket"),
            Row("keyfile", "gs_credentials_file"),
            Row("rootdirectory", "storage_path", default=ROOT),
        ),
        ("bucket",),
        _gcs,
    ),
    "swift": Store(
        "swift",
        (
            Row("username", "swift_user"),
            Row("password", "swift_password"),
            Row("authurl", "swift_authurl"),
            Row("tenant", "openstack_project_name"),
            Row("tenantid", "openstack_project_id"),
            Row("domain", "openstack_user_domain_name"),
            Row("domainid", "openstack_user_domain_id"),
            Row("tenantdomain", "openstack_project_domain_name"),
            Row("tenantdomainid", "openstack_project_domain_id"),
            Row("region", "swift_region_name"),
            Row("container", "swift_container"),
            Row("endpointtype", "openstack_interface"),
            Row("secretkey", "swift_temp_url_key"),
        ),
        ("username", "password", "authurl", "container"),
        _swift,
    ),
    "oss": Store(
        "oss",
        (
            Row("accesskeyid", "oss_accessid"),
            Row("accesskeysecret", "oss_accesskey"),
            Row("bucket", "oss_bucket"),
            Row("rootdirectory", "storage_path", default=ROOT),
        ),
        ("accesskeyid", "accesskeysecret", "region", "bucket"),
        _oss,
    ),
}
