"""Every key of the configuration: the effective settings of one flavor.

The keys are those of docker-registry 0.9, flat or nested as they were there, and our own. The
model is the one source of validation, of the JSON Schema and of the reference in
``docs/configuration.md``. The keys of single storage drivers are in ``backends``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    model_validator,
)

from docker_registry.config import web
from docker_registry.config.auth import Auth
from docker_registry.config.backends import (
    S3,
    Azure,
    Elliptics,
    Gcs,
    Glance,
    OpenStack,
    Oss,
    Swift,
)
from docker_registry.config.keys import (
    Keys,
    Loaded,
    Patterns,
    Port,
    Words,
    key,
    lower,
    read_flow,
    section,
    split_list,
)

#: Names of the driver that stores in a directory of this machine.
LOCAL_DRIVERS = ("local", "file")
#: Where a service keeps its state (Filesystem Hierarchy Standard 3.0, section 5.8).
STATE_DIRECTORY = "/var/lib/docker-registry"

MIB = 1024 * 1024


class Redis(Keys):
    """A Redis server."""

    host: str | None = key(None, "Host; unset, no Redis is used.")
    port: Port = key(6379, "Port.")
    db: int = key(0, "Number of the database.", ge=0)
    password: SecretStr | None = key(None, "Password.")


class EmailExceptions(Keys):
    """Mail to the operator when something fails that shouldn't."""

    smtp_host: str | None = key(None, "Mail server; unset, no mail is sent.", "SMTP_HOST")
    smtp_port: Port = key(25, "Its port.", "SMTP_PORT")
    smtp_login: str | None = key(None, "User name there.", "SMTP_LOGIN")
    smtp_password: SecretStr | None = key(None, "Password there.", "SMTP_PASSWORD")
    smtp_secure: Annotated[
        bool | str | dict[str, str], Field(union_mode="left_to_right"), BeforeValidator(read_flow)
    ] = key(
        False,
        "Whether to use STARTTLS; or the path of a key file; or `{keyfile: …, certfile: …}`.",
        "SMTP_SECURE",
    )
    from_addr: str = key("docker-registry@localdomain.local", "Sender.", "SMTP_FROM_ADDR")
    to_addr: Words = key([], "Who gets the mail; needed with `smtp_host`.", "SMTP_TO_ADDR")

    @model_validator(mode="after")
    def _somebody_reads_it(self) -> Self:
        if self.smtp_host and not self.to_addr:
            raise ValueError("smtp_host is set, and to_addr (SMTP_TO_ADDR) names nobody: set both")
        return self


class Mirroring(Keys):
    """Pull-through from another registry."""

    source: str | None = key(None, "URL of the registry; unset, nothing is mirrored.")
    source_index: str | None = key(None, "URL of its index, where that is another server.")
    tags_cache_ttl: int = key(172800, "Seconds for which a tag isn't asked again.", ge=0)


class Cors(Keys):
    """Cross-origin requests of browsers, by the names of Flask-CORS."""

    origins: Words = key([], "Origins that may ask; none, and CORS is off.")
    methods: Words = key([], "Methods they may use; none means all that a route has.")
    headers: Words = key(["Content-Type"], "Request headers they may send.")
    expose_headers: Words = key([], "Response headers they may read.")
    supports_credentials: bool = key(False, "Whether they may send credentials.")
    max_age: int | None = key(None, "Seconds for which a browser keeps the answer.", ge=0)
    send_wildcard: bool = key(False, "Whether to answer `*` where any origin may ask.")
    always_send: bool = key(True, "Whether to answer requests without an `Origin`.")
    automatic_options: bool = key(True, "Whether to answer `OPTIONS`.")
    vary_header: bool = key(True, "Whether to send `Vary: Origin`.")
    resources: Annotated[dict[str, Any] | list[str] | None, BeforeValidator(split_list)] = key(
        None, "Patterns of paths it applies to; unset means all."
    )


def _hosts(words: list[str]) -> list[str]:
    for word in words:
        if not re.fullmatch(r"(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", word, re.ASCII | re.I):
            raise ValueError(f"{word!r} is no host, such as registry.example:5000")
    return words


class General(Keys):
    """What every flavor has."""

    issue: str = key("docker-registry server", "What `GET /` says.")
    loglevel: Annotated[
        Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(lower)
    ] = key("info", "The least important messages that are logged.", "LOGLEVEL")
    debug: bool = key(
        False, "Whether `/v1/_ping` tells the flavor and versions. For developers.", "DEBUG"
    )
    standalone: bool = key(
        True, "Whether there is no index server beside this registry.", "STANDALONE"
    )
    index_endpoint: str = key(
        "https://index.docker.io", "The index server, if not standalone.", "INDEX_ENDPOINT"
    )
    disable_token_auth: bool = key(
        False, "Whether tokens of the index are not checked.", "DISABLE_TOKEN_AUTH"
    )
    privileged_key: str | None = key(
        None, "Path of the RSA public key of a privileged client.", "PRIVILEGED_KEY"
    )
    registry_endpoints: Annotated[Words, AfterValidator(_hosts)] = key(
        [],
        "Hosts, with ports, that V1 clients are told to use; by default the one they asked for.",
    )
    read_only: bool = key(
        False, "Whether everything that clients could change is refused (405).", "READ_ONLY"
    )
    delete_enabled: bool = key(
        True,
        "Whether clients may delete what was pushed; else it is refused (405).",
        "DELETE_ENABLED",
    )
    url_prefix: Annotated[str, AfterValidator(web.path)] = key(
        "", "Path below which the API is served, such as `/registry`.", "URL_PREFIX"
    )
    public_url: Annotated[str | None, AfterValidator(web.base_url)] = key(
        None,
        "URL by which clients reach the registry, up to where `/v2/` begins: answered in "
        "`Location`, whatever the request says.",
        "PUBLIC_URL",
    )
    relative_urls: bool = key(
        False,
        "Whether `Location` is a path without scheme and host. For a proxy that doesn't tell them.",
        "RELATIVE_URLS",
    )
    trusted_proxies: Annotated[Words, AfterValidator(web.networks)] = key(
        ["127.0.0.1", "::1"],
        "Addresses and networks of the proxies in front, which are believed who their clients are "
        "and how these reached them; `[]`, and none is. Whoever comes by a socket of this machine "
        "always is a proxy.",
        "TRUSTED_PROXIES",
    )
    proxy_headers: Annotated[Literal["x-forwarded", "forwarded"], BeforeValidator(lower)] = key(
        "x-forwarded",
        "The headers in which these proxies say it: `X-Forwarded-For`, `X-Forwarded-Proto` and "
        "`X-Forwarded-Host`, or `Forwarded` (RFC 7239). The others may come from anybody, and "
        "count for nothing.",
        "PROXY_HEADERS",
    )
    response_headers: Annotated[
        dict[str, list[str]], BeforeValidator(web.lists), AfterValidator(web.headers)
    ] = key(
        {},
        "Headers that every answer has, if it doesn't have them anyway: "
        "`{X-Content-Type-Options: [nosniff]}`.",
        "RESPONSE_HEADERS",
    )
    bugsnag: SecretStr | None = key(None, "API key of Bugsnag.", "BUGSNAG")
    extensions: dict[str, Any] = key(
        {}, "Free: `extensions.<name>` belongs to that extension. Every value in it is text."
    )
    cache: Redis = section(Redis, "CACHE_REDIS")
    cache_lru: Redis = section(Redis, "CACHE_LRU_REDIS")
    email_exceptions: EmailExceptions = section(EmailExceptions)
    mirroring: Mirroring = section(Mirroring, "MIRROR")
    cors: Cors = section(Cors, "CORS")


def _storage_path(value: str, info: ValidationInfo) -> str:
    if info.data.get("storage") not in LOCAL_DRIVERS:
        return value
    return str(Path(value).expanduser().absolute())


def _absolute(value: str | None) -> str | None:
    return str(Path(value).expanduser().absolute()) if value else None


class Storage(Keys):
    """Where content is kept."""

    storage: str = key("local", "Name of the storage driver.")
    storage_alternate: Words = key(
        [],
        "Drivers that take what `storage` can't, in order. `GLANCE_STORAGE_ALTERNATE` for the "
        "flavor `glance`.",
        "STORAGE_ALTERNATE",
    )
    storage_alternate_path: str | None = key(
        None,
        "Directory of a `local` alternate. By default `storage_path` beside Glance, which has no "
        f"use for it, and else `{STATE_DIRECTORY}`.",
        "STORAGE_ALTERNATE_PATH",
    )
    storage_connect_timeout: float = key(
        5,
        "Seconds for which a backend may not answer a connection.",
        "STORAGE_CONNECT_TIMEOUT",
        gt=0,
    )
    storage_read_timeout: float = key(
        30, "Seconds for which a backend may be silent.", "STORAGE_READ_TIMEOUT", gt=0
    )
    storage_attempts: int = key(
        3,
        "How often a call to a backend is tried before it counts as failed.",
        "STORAGE_ATTEMPTS",
        ge=1,
    )
    storage_path: Annotated[str, AfterValidator(_storage_path)] = key(
        STATE_DIRECTORY,
        "Root of the store: a directory, or a prefix of object names.",
        "STORAGE_PATH",
        min_length=1,
    )
    storage_fsync: bool = key(
        True,
        "Whether files and directories are on the disk before an answer says so. Without it, a "
        "power cut loses pushes that were answered 201.",
        "STORAGE_FSYNC",
    )
    storage_redirect: bool = key(
        False, "Whether clients fetch blobs from the store itself.", "STORAGE_REDIRECT"
    )
    storage_public_url: str | None = key(
        None,
        "URL by which clients reach the store, for `storage_redirect`, where that is not the one "
        "the registry uses.",
        "STORAGE_PUBLIC_URL",
    )
    nginx_x_accel_redirect: str | None = key(
        None,
        "Internal location by which nginx serves the files below `storage_path`: it then sends "
        "blobs of a local store itself.",
        "NGINX_X_ACCEL_REDIRECT",
    )
    cache_manifest_bytes: int = key(
        32 * MIB, "Bytes of manifests that a process keeps in memory.", "CACHE_MANIFEST_BYTES", ge=0
    )
    cache_blobs_path: Annotated[str | None, AfterValidator(_absolute)] = key(
        None,
        "Directory, on a disk of this machine, where blobs of a store that is far away are kept: "
        "each comes from the store once, however many clients want it at once, and goes to it "
        "once or twice, however many push it at once. Unset, nothing is kept; nor is anything of a "
        "local store.",
        "CACHE_BLOBS_PATH",
    )
    cache_blobs_bytes: int = key(
        10 * 1024 * MIB,
        "Bytes of blobs that may be kept there; what was used least recently goes first.",
        "CACHE_BLOBS_BYTES",
        ge=1,
    )


def _index_database(settings: dict[str, Any]) -> str:
    # The index is derived from the store, so beside a local store it can be rebuilt with it; it
    # lies in the part of the tree that registry:2 doesn't look at.
    if settings.get("storage") in LOCAL_DRIVERS:
        root = f"{settings.get('storage_path', STATE_DIRECTORY)}/docker/registry/ours"
    else:
        root = STATE_DIRECTORY
    return f"sqlite:///{root}/search.db"


def _none_is_off(value: object) -> object:
    return None if lower(value) == "none" else value


class Search(Keys):
    """The index that `docker search` asks."""

    search_backend: Annotated[str | None, BeforeValidator(_none_is_off)] = key(
        "sqlalchemy",
        "`sqlalchemy`, or the path of a Python module; `none` turns search off.",
        "SEARCH_BACKEND",
    )
    sqlalchemy_index_database: str = Field(
        default_factory=_index_database,
        description="URL of the index database. By default SQLite: "
        "`docker/registry/ours/search.db` in a local store, else "
        f"`{STATE_DIRECTORY}/search.db`.",
        json_schema_extra={"x-env": "SQLALCHEMY_INDEX_DATABASE"},
    )


class Limits(Keys):
    """What one request, or one upload, may take."""

    manifest_limit: int = key(4 * MIB, "Bytes that a manifest may have.", "MANIFEST_LIMIT", ge=1)
    sparse_indexes: bool = key(
        False,
        "Whether an index may name manifests, and an image layers, that are not in the repository.",
        "SPARSE_INDEXES",
    )
    manifest_url_allow: Patterns = key(
        ["."],
        "Regular expressions, one of which must be found in each URL that a manifest has for a "
        "layer.",
        "MANIFEST_URL_ALLOW",
    )
    manifest_url_deny: Patterns = key(
        [],
        "Regular expressions, none of which may be found in such a URL.",
        "MANIFEST_URL_DENY",
    )
    upload_max_age: int = key(
        7 * 24 * 3600,
        "Seconds for which an idle upload is kept; 0 means for ever.",
        "UPLOAD_MAX_AGE",
        ge=0,
    )
    tags_page: int = key(1000, "Tags that one page may list.", "TAGS_PAGE", ge=1)
    catalog_page: int = key(1000, "Repositories that one page may list.", "CATALOG_PAGE", ge=1)


# Bases are in reverse: pydantic takes the fields of the last base first, and a default made from
# other keys (``sqlalchemy_index_database``) must come after them.
class Settings(
    Elliptics,
    Oss,
    Gcs,
    Azure,
    S3,
    Glance,
    Swift,
    OpenStack,
    Limits,
    Auth,
    Search,
    Storage,
    General,
    Loaded,
):
    """The effective settings of one flavor. Immutable."""
