"""The driver: its objects lie below a prefix of one bucket."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from google.oauth2 import service_account

from docker_registry.drivers.base import Driver, Stat, UploadState
from docker_registry.drivers.download import DownloadReader
from docker_registry.drivers.flat import children
from docker_registry.drivers.gcs import client as connection
from docker_registry.drivers.gcs import listing, upload
from docker_registry.drivers.gcs.client import Client
from docker_registry.drivers.gcs.download import download
from docker_registry.errors import AccessDenied, PathNotFound, Unavailable

if TYPE_CHECKING:
    from docker_registry.config import Settings

_REFUSED = (
    "set 'gs_credentials_file' (GOOGLE_APPLICATION_CREDENTIALS) to the key file of a service "
    "account that is an object admin of the bucket, and the clock of this machine right"
)
_NO_BUCKET = (
    "set 'gs_bucket' (GCS_BUCKET) to a bucket that exists, and 'gs_endpoint' (GCS_ENDPOINT), if "
    "at all, to where the API is"
)


class GcsDriver(Driver):
    """Objects in a bucket.

    :param prefix: of all names of objects; empty, or ending with a slash.
    :param public_url: the endpoint as clients of the registry reach it.
    """

    name = "gcs"

    def __init__(self, client: Client, prefix: str, public_url: str | None = None) -> None:
        self._client = client
        self._prefix = prefix
        self._public_url = (public_url or client.endpoint).rstrip("/")

    @classmethod
    def from_settings(cls, settings: Settings) -> GcsDriver:
        """Take bucket, credentials and prefix from ``gs_…`` and ``storage_path``."""
        prefix = settings.storage_path.strip("/")
        client = connection.from_settings(settings)
        return cls(client, f"{prefix}/" if prefix else "", settings.storage_public_url)

    def get_content(self, path: str) -> bytes:
        """Download the object."""
        with self.reader(path) as reader:
            return b"".join(reader)

    def put_content(self, path: str, data: bytes) -> None:
        """Upload an object in one request."""
        upload.put(self._client, self._name(path), data)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> DownloadReader:
        """Begin a download."""
        open_download = partial(download, self._client, self._name(path))
        return DownloadReader(open_download, self._client.attempts, offset, length)

    def stat(self, path: str) -> Stat:
        """Ask for the object's metadata."""
        name = self._name(path)
        with self._client.errors(name):
            found = self._client.blob(name)
            found.reload(timeout=self._client.timeout, retry=self._client.retry)
        if found.size is None or found.updated is None:
            raise Unavailable(f"{name}: the answer tells no size or no time")
        return Stat(found.size, found.updated.timestamp())

    def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
        """Ask for the objects and prefixes below the directory, from ``after`` on."""
        directory = self._directory(path)

        def pages() -> Iterator[list[str]]:
            # ``after`` itself is listed once more, as an object or as a directory.
            for names in listing.entries(self._client, directory, directory + after, limit + 1):
                yield [name.removeprefix(directory) for name in names]

        def holds(name: str) -> bool:
            return any(listing.objects(self._client, f"{directory}{name}/", 1))

        return children(pages(), holds, after, limit)

    def touch(self, path: str) -> None:
        """Change the object's metadata: its time is that of the last change."""
        name = self._name(path)
        with self._client.errors(name):
            found = self._client.blob(name)
            found.metadata = {"touched": str(time.time())}
            found.patch(timeout=self._client.timeout, retry=self._client.retry)

    def delete(self, path: str) -> None:
        """Delete the object, or all that the directory has."""
        name = self._name(path)
        if upload.delete(self._client, [name]):
            return
        found = False
        for names in listing.objects(self._client, f"{name}/"):
            found = upload.delete(self._client, names) or found
        if not found:
            raise PathNotFound(f"{name}: nothing is there")

    def redirect_url(self, path: str, method: str, seconds: int) -> str | None:
        """Sign an address (V4), if our credentials are a key that can sign."""
        signer = self._client.credentials
        if not isinstance(signer, service_account.Credentials):
            return None
        url: str = self._client.blob(self._name(path)).generate_signed_url(
            expiration=timedelta(seconds=seconds),
            version="v4",
            method=method,
            api_access_endpoint=self._public_url,
        )
        return url

    def start_upload(self, path: str) -> UploadState:
        """Give the state of an upload without parts."""
        return {"path": path, "parts": [], "size": 0}

    def append(self, state: UploadState, chunks: Iterable[bytes]) -> UploadState:
        """Make an object of the bytes, under a name that no other append can choose."""
        part = f"part-{uuid.uuid4().hex}"
        size = upload.put_stream(self._client, self._part(state, part), chunks)
        if not size:
            return state
        return {**state, "parts": [*state["parts"], part], "size": state["size"] + size}

    def upload_content(self, state: UploadState) -> Iterator[bytes]:
        """Download the parts, one after another."""
        for part in state["parts"]:
            with self.reader(f"{state['path']}/{part}") as reader:
                yield from reader

    def commit(self, state: UploadState, path: str) -> None:
        """Let the service join the parts."""
        if not state["parts"]:
            self.put_content(path, b"")
            return
        sources = [self._part(state, part) for part in state["parts"]]
        upload.join(self._client, sources, self._name(path), self._directory(state["path"]))

    def abort(self, state: UploadState) -> None:
        """Delete the parts."""
        upload.delete(self._client, [self._part(state, part) for part in state["parts"]])

    def write(self, directory: str, chunks: Iterable[bytes], path: str) -> None:
        """Upload to the final name: an object appears there when its last byte has come."""
        if not upload.put_stream(self._client, self._name(path), chunks):
            self.put_content(path, b"")

    def copy(self, directory: str, source: str, target: str) -> None:
        """Let the service copy it."""
        upload.copy(self._client, self._name(source), self._name(target))

    def check(self) -> None:
        """List the bucket; say what to set when that fails."""
        try:
            with self._client.errors(""):
                self._client.probe()
        except AccessDenied as error:
            raise AccessDenied(f"{error}: {_REFUSED}") from error
        except (PathNotFound, Unavailable) as error:
            raise Unavailable(f"{error}: {_NO_BUCKET}") from error

    def _name(self, path: str) -> str:
        return self._prefix + path

    def _directory(self, path: str) -> str:
        return f"{self._prefix}{path}/" if path else self._prefix

    def _part(self, state: UploadState, part: str) -> str:
        return self._name(f"{state['path']}/{part}")
