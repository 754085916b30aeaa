"""The environment variables of the server itself, those of docker-registry 0.9 and TLS.

They are not in the configuration file, since one machine may run several servers on one file.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import ssl
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from docker_registry.config import distribution, environment
from docker_registry.config.files import find, read
from docker_registry.config.keys import (
    FLOW,
    Loaded,
    Port,
    Provenance,
    Words,
    gather,
    key,
    leaves,
    read_flow,
)
from docker_registry.errors import ConfigError


def _split_options(value: object) -> object:
    if isinstance(value, str) and not value.lstrip().startswith(FLOW):
        return shlex.split(value)
    return read_flow(value)


def check_pair(certificate: str, key_path: str) -> None:
    """Check that a certificate and its key can be used; ``ValueError`` says what would be right."""
    try:
        # A key with a password would have it asked for at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key_path, password="")
    except OSError as error:
        raise ValueError(
            f"REGISTRY_TLS_CERTIFICATE {certificate} and REGISTRY_TLS_KEY {key_path} should be "
            f"readable PEM files that fit together, the key without a password ({error})"
        ) from error


def check_authority(path: str) -> None:
    """Check a file of CA certificates; ``ValueError`` says what would be right."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except OSError as error:
        raise ValueError(
            f"REGISTRY_TLS_CLIENT_CA names {path}, which should be a readable PEM file with CA "
            f"certificates ({error})"
        ) from error


class Runner(Loaded):
    """The server: where it listens, and how it works."""

    host: str = key(
        "0.0.0.0",  # noqa: S104
        "Address to listen on; `unix:` and a path for a socket of this machine, which has no port.",
        "REGISTRY_HOST",
    )
    port: Port = key(5000, "TCP port to listen on.", "REGISTRY_PORT")
    workers: int | None = key(
        None,
        "Worker processes. Unset: one for each CPU that may be used, at least 2, at most 8.",
        "GUNICORN_WORKERS",
        ge=1,
    )
    threads: int = key(
        512,
        "Threads that a worker may have: transfers, and requests that wait, at a time. There are "
        "as many as were needed at once.",
        "GUNICORN_THREADS",
        ge=1,
    )
    graceful_timeout: int = key(
        3600,
        "Seconds that running transfers get to end after SIGTERM.",
        "GUNICORN_GRACEFUL_TIMEOUT",
        ge=0,
    )
    silent_timeout: int = key(
        120,
        "Seconds that a client may be silent in the middle of a request.",
        "GUNICORN_SILENT_TIMEOUT",
        ge=1,
    )
    access_log_file: str = key(
        "-", "File for the access log; `-` is standard output.", "GUNICORN_ACCESS_LOG_FILE"
    )
    error_log_file: str = key(
        "-", "File for all other messages; `-` is standard error.", "GUNICORN_ERROR_LOG_FILE"
    )
    user: str | None = key(None, "User that workers run as, if started by root.", "GUNICORN_USER")
    group: str | None = key(None, "Their group, likewise.", "GUNICORN_GROUP")
    tls_certificate: str | None = key(
        None, "Path of the PEM file with the certificate chain.", "REGISTRY_TLS_CERTIFICATE"
    )
    tls_key: str | None = key(
        None, "Path of the PEM file with its key.", "REGISTRY_TLS_KEY", validate_default=True
    )
    tls_client_ca: Words = key(
        [],
        "Paths of PEM files with CA certificates: only clients with a certificate of one of these "
        "CAs are served, unless `REGISTRY_TLS_CLIENT_AUTH` says otherwise.",
        "REGISTRY_TLS_CLIENT_CA",
    )
    tls_client_auth: Literal["required", "optional"] | None = key(
        None,
        "Whether clients must have a certificate, or may have none (`optional`). Unset, they must, "
        "unless `auth` has other ways to log in beside `certificate`.",
        "REGISTRY_TLS_CLIENT_AUTH",
        validate_default=True,
    )
    tls_minimum: Literal["1.2", "1.3"] = key(
        "1.2", "The oldest version of TLS that is spoken.", "REGISTRY_TLS_MINIMUM"
    )
    options: Annotated[list[str], BeforeValidator(_split_options)] = key(
        [],
        "More options of gunicorn, as for a shell (`--backlog 4096`) or as a list "
        "(`[--backlog, 4096]`).",
        "GUNICORN_OPTS",
    )

    @field_validator("tls_key")
    @classmethod
    def _fits_certificate(cls, key_path: str | None, info: ValidationInfo) -> str | None:
        certificate = info.data.get("tls_certificate")
        if (certificate is None) != (key_path is None):
            raise ValueError("REGISTRY_TLS_CERTIFICATE and REGISTRY_TLS_KEY go together: set both")
        if certificate and key_path:
            check_pair(certificate, key_path)
        return key_path

    @field_validator("tls_client_ca")
    @classmethod
    def _are_certificates(cls, paths: list[str], info: ValidationInfo) -> list[str]:
        if paths and not info.data.get("tls_certificate"):
            raise ValueError(
                "REGISTRY_TLS_CLIENT_CA needs TLS: set REGISTRY_TLS_CERTIFICATE and "
                "REGISTRY_TLS_KEY, or unset it"
            )
        for path in paths:
            check_authority(path)
        return paths

    @field_validator("tls_client_auth")
    @classmethod
    def _has_authorities(cls, mode: str | None, info: ValidationInfo) -> str | None:
        if mode and not info.data.get("tls_client_ca"):
            raise ValueError(
                f"REGISTRY_TLS_CLIENT_AUTH is {mode}, but no CA is named: set "
                "REGISTRY_TLS_CLIENT_CA, or unset it"
            )
        return mode

    @model_validator(mode="after")
    def _account_exists(self) -> Self:
        for variable, name, known in (
            ("GUNICORN_USER", self.user, pwd.getpwnam),
            ("GUNICORN_GROUP", self.group, grp.getgrnam),
        ):
            try:
                if name and not name.isdecimal():
                    known(name)
            except KeyError:
                raise ValueError(
                    f"{variable} is {name!r}, which this machine doesn't know"
                ) from None
        return self


def load_runner(environ: Mapping[str, str] = os.environ) -> Runner:
    """Give what the environment says of the server, or a file of CNCF Distribution.

    Raises ``ConfigError``, which names every problem at once.
    """
    path = find(environ)
    document = read(path)
    where, said = "environment of the server", {}
    if distribution.is_distribution(document):
        where = f"{path}, server"
        said = distribution.translate(document, environ).values
    keys = list(leaves(Runner))
    values, sources = gather(keys, partial(distribution.find, said, environ))
    try:
        loaded = Runner.model_validate(values)
    except ValidationError as error:
        problems = environment.explain(error, keys, sources)
        raise ConfigError(environment.summary(where, problems)) from None
    loaded._provenance = Provenance(sources=sources)
    return loaded
