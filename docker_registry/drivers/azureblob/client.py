"""The connection to one container: address, credentials, pool, time-outs, signed URLs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import requests
from azure.core import PipelineClient
from azure.core.pipeline.policies import RetryPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.storage.blob import (
    BlobSasPermissions,
    ContainerClient,
    ExponentialRetry,
    generate_blob_sas,
)

from docker_registry.config import Settings
from docker_registry.errors import ConfigError

#: Connections that are kept open: of all that the threads make, those that
#: are spared a handshake later.
POOL = 64
#: Bytes that are read from a socket at a time.
READ_BYTES = 256 * 1024
#: How long an address works that only we use, in seconds.
OWN_SECONDS = 15 * 60


@dataclass(frozen=True)
class Account:
    """Where the blob service of an account is, and how to log in.

    :ivar endpoint: URL without a slash at its end.
    """

    name: str
    key: str
    endpoint: str


@dataclass(frozen=True)
class Limits:
    """How long to wait and how often to try; see the settings of these names."""

    connect_timeout: float
    read_timeout: float
    attempts: int


class Client:
    """A container, by the SDK and by signed URLs.

    :param public_endpoint: the endpoint as clients of the registry reach it.
    :ivar sdk: the SDK's client of the container.
    """

    def __init__(
        self, account: Account, container: str, limits: Limits, public_endpoint: str | None = None
    ) -> None:
        self.attempts = limits.attempts
        self._account = account
        self._container = container
        self._public_endpoint = (public_endpoint or account.endpoint).rstrip("/")
        transport = _transport(limits)
        retries = limits.attempts - 1
        self.sdk = ContainerClient(
            account.endpoint,
            container,
            credential={"account_name": account.name, "account_key": account.key},
            transport=transport,
            retry_policy=ExponentialRetry(1, 2, retries, random_jitter_range=1),
        )
        self._downloads: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(
            account.endpoint, transport=transport, policies=[RetryPolicy(retry_total=retries)]
        )

    def get(self, name: str, headers: Mapping[str, str]) -> HttpResponse:
        """Ask for a blob, and give the answer before its body is read.

        The SDK's own downloads keep up to 32 MiB of a blob in memory and take one request for
        each 4 MiB; this takes one in all.
        """
        request = HttpRequest("GET", self.source_url(name), headers=dict(headers))
        return self._downloads.send_request(request, stream=True)

    def source_url(self, name: str) -> str:
        """Give the address by which we, or the service itself, can read a blob."""
        return self._url(self._account.endpoint, name, OWN_SECONDS)

    def public_url(self, name: str, seconds: int) -> str:
        """Give the address by which anybody can read a blob for some seconds."""
        return self._url(self._public_endpoint, name, seconds)

    def _url(self, endpoint: str, name: str, seconds: int) -> str:
        token = generate_blob_sas(
            account_name=self._account.name,
            account_key=self._account.key,
            container_name=self._container,
            blob_name=name,
            permission=BlobSasPermissions(read=True),
            expiry=datetime.now(UTC) + timedelta(seconds=seconds),
        )
        return f"{endpoint}/{self._container}/{quote(name)}?{token}"


def _transport(limits: Limits) -> RequestsTransport:
    session = requests.Session()
    adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=POOL)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return RequestsTransport(
        session=session,
        session_owner=False,
        connection_timeout=limits.connect_timeout,
        read_timeout=limits.read_timeout,
        connection_data_block_size=READ_BYTES,
    )


def read_account(settings: Settings) -> Account:
    """Read the account from the settings. ``ConfigError`` says which of them is missing."""
    secret = settings.azure_storage_connection_string
    if secret is not None:
        return _from_connection_string(secret.get_secret_value(), settings)
    name, key = settings.azure_storage_account_name, settings.azure_storage_account_key
    if not name or not key:
        wanted = "name" if not name else "key"
        raise ConfigError(
            f"'azure_storage_account_{wanted}' (AZURE_STORAGE_ACCOUNT_{wanted.upper()}) is not "
            "set, and neither is a connection string: set it to that of the storage account"
        )
    scheme = "https" if settings.azure_use_https else "http"
    endpoint = settings.azure_storage_endpoint or f"{scheme}://{name}.blob.core.windows.net"
    return Account(name, key.get_secret_value(), endpoint.rstrip("/"))


def _from_connection_string(text: str, settings: Settings) -> Account:
    where = "'azure_storage_connection_string' (AZURE_STORAGE_CONNECTION_STRING)"
    fields = dict(item.split("=", 1) for item in text.split(";") if "=" in item)
    name, key = fields.get("AccountName"), fields.get("AccountKey")
    if not name or not key:
        raise ConfigError(
            f"{where} has no AccountName or no AccountKey: copy it from 'Access keys' of the "
            "storage account; one with a SharedAccessSignature can't be used"
        )
    scheme = fields.get("DefaultEndpointsProtocol", "https")
    suffix = fields.get("EndpointSuffix", "core.windows.net")
    endpoint = (
        settings.azure_storage_endpoint
        or fields.get("BlobEndpoint")
        or f"{scheme}://{name}.blob.{suffix}"
    )
    return Account(name, key, endpoint.rstrip("/"))
