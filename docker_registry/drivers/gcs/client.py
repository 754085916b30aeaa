"""The connection to one bucket: endpoint, credentials, pool, time-outs, retries."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, partial
from pathlib import Path
from urllib.parse import quote

import google.auth
import requests
from google.api_core.exceptions import NotFound, from_http_response
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud.storage import Blob, Bucket
from google.cloud.storage import Client as StorageClient
from google.oauth2 import service_account

from docker_registry.config import Settings
from docker_registry.drivers.gcs.errors import BoundedRetry, storage_errors
from docker_registry.errors import ConfigError

ENDPOINT = "https://storage.googleapis.com"
SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
#: Connections that are kept open: of all that the threads make, those that
#: are spared a handshake later.
POOL = 64
#: A project is only asked for when buckets are made or listed.
PROJECT = "docker-registry"


class Client:
    """A bucket, by the SDK and by requests of our own.

    :param credentials: None, and Google's libraries look for some at the first call.
    :param timeout: seconds to connect and seconds to wait for bytes.
    """

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        credentials: Credentials | None,
        timeout: tuple[float, float],
        attempts: int,
    ) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.attempts = attempts
        self.timeout = timeout
        self.retry = BoundedRetry(attempts)
        self._bucket = bucket
        self._given = credentials

    @cached_property
    def credentials(self) -> Credentials:
        """Who we are."""
        if self._given is not None:
            return self._given
        found: Credentials = google.auth.default(SCOPES)[0]
        return found

    @cached_property
    def bucket(self) -> Bucket:
        """The SDK's bucket."""
        sdk = StorageClient(
            PROJECT,
            self.credentials,
            _http=self._session,
            client_options={"api_endpoint": self.endpoint},
        )
        return sdk.bucket(self._bucket)

    def blob(self, name: str, chunk_size: int | None = None) -> Blob:
        """Give the SDK's object of this name, without asking for it."""
        return self.bucket.blob(name, chunk_size=chunk_size)

    def get(self, name: str, headers: Mapping[str, str], generation: str) -> requests.Response:
        """Ask for an object's bytes, and give the answer before its body is read.

        The SDK's own downloads write into a file, or take a request for each chunk.
        https://cloud.google.com/storage/docs/json_api/v1/objects/get
        """
        url = f"{self.endpoint}/download/storage/v1/b/{self._bucket}/o/{quote(name, safe='')}"
        query = {"alt": "media", **({"generation": generation} if generation else {})}

        def ask() -> requests.Response:
            response = self._session.get(
                url, params=query, headers=dict(headers), timeout=self.timeout, stream=True
            )
            # 416: the range begins at or behind the end.
            if response.status_code >= 400 and response.status_code != 416:
                with response:
                    raise from_http_response(response)
            return response

        response: requests.Response = self.retry(ask)()
        return response

    def errors(self, name: str) -> AbstractContextManager[None]:
        """Turn the SDK's errors in the block into ours."""
        return storage_errors(f"{self._bucket}/{name}", self._exists)

    def probe(self) -> None:
        """List one object: what any account that may use the bucket may do."""
        objects = self.bucket.list_blobs(
            max_results=1, fields="items(name)", timeout=self.timeout, retry=self.retry
        )
        next(iter(objects), None)

    def _exists(self) -> bool:
        try:
            self.probe()
        except NotFound:
            return False
        return True

    @cached_property
    def _session(self) -> AuthorizedSession:
        # Google's own time-out for getting a token is two minutes.
        ask_for_token = partial(Request(), timeout=self.timeout[1])
        session = AuthorizedSession(self.credentials, auth_request=ask_for_token)
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=POOL)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session


def from_settings(settings: Settings) -> Client:
    """Build the client that the settings describe; ``ConfigError`` says what to set."""
    bucket = settings.gs_bucket or settings.boto_bucket
    if not bucket:
        raise ConfigError("'gs_bucket' (GCS_BUCKET) is not set: set it to the name of the bucket")
    if (settings.gs_access_key or settings.gs_secret_key) and not settings.oauth2:
        raise ConfigError(
            "'gs_access_key' and 'gs_secret_key' (GCS_KEY, GCS_SECRET) are an interoperability "
            "key, which the API that is used now doesn't take: set 'gs_credentials_file' "
            "(GOOGLE_APPLICATION_CREDENTIALS) to the key file of a service account and unset "
            "them, or set 'oauth2' (GCS_OAUTH2) to true"
        )
    if not settings.gs_secure and not settings.gs_emulator:
        raise ConfigError(
            "'gs_secure' (GCS_SECURE) is false, but Google takes credentials over TLS only: "
            "unset it"
        )
    return Client(
        settings.gs_emulator or settings.gs_endpoint or ENDPOINT,
        bucket,
        _credentials(settings),
        (settings.storage_connect_timeout, settings.storage_read_timeout),
        settings.storage_attempts,
    )


def _credentials(settings: Settings) -> Credentials | None:
    if settings.gs_emulator:
        return AnonymousCredentials()
    file = settings.gs_credentials_file
    if file is None:
        return None
    with _file_errors(file):
        information = json.loads(Path(file).read_bytes())
        if information.get("type") == "service_account":
            found: Credentials = service_account.Credentials.from_service_account_info(
                information, scopes=SCOPES
            )
            return found
    if os.environ.get("GOOGLE_APPLICATION_CREDENTIALS") != file:
        raise ConfigError(
            f"'gs_credentials_file' is {file}, which is no key file of a service account: name "
            "credentials of another kind in GOOGLE_APPLICATION_CREDENTIALS"
        )
    # Google's libraries read that variable themselves.
    return None


@contextmanager
def _file_errors(file: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, AttributeError, google.auth.exceptions.GoogleAuthError) as error:
        raise ConfigError(
            f"'gs_credentials_file' (GOOGLE_APPLICATION_CREDENTIALS) is {file}, which can't be "
            f"read as the key file of a service account ({error}): name one"
        ) from error
