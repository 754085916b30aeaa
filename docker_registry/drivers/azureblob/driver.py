"""The driver: its objects are blobs below a prefix of one container."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from azure.core.exceptions import HttpResponseError, ResourceExistsError

from docker_registry.drivers.azureblob import listing, upload
from docker_registry.drivers.azureblob.client import Client, Limits, read_account
from docker_registry.drivers.azureblob.download import download
from docker_registry.drivers.azureblob.errors import error_code, storage_errors
from docker_registry.drivers.base import Driver, Stat, UploadState
from docker_registry.drivers.download import DownloadReader
from docker_registry.drivers.flat import children
from docker_registry.errors import AccessDenied, PathNotFound, Unavailable

if TYPE_CHECKING:
    from docker_registry.config import Settings

log = logging.getLogger(__name__)

_KEY_REFUSED = (
    "set 'azure_storage_account_key' (AZURE_STORAGE_ACCOUNT_KEY) to a key of this account, and the "
    "clock of this machine right"
)
_NO_SERVICE = (
    "set 'azure_storage_account_name' (AZURE_STORAGE_ACCOUNT_NAME) and 'azure_storage_endpoint' "
    "(AZURE_STORAGE_ENDPOINT) to where the account's blob service is"
)


class AzureDriver(Driver):
    """Block blobs in a container, which is made private when it is missing.

    :param prefix: of all names of blobs; empty, or ending with a slash.
    """

    name = "azureblob"

    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    @classmethod
    def from_settings(cls, settings: Settings) -> AzureDriver:
        """Take account, container and prefix from ``azure_…`` and ``storage_path``."""
        limits = Limits(
            settings.storage_connect_timeout,
            settings.storage_read_timeout,
            settings.storage_attempts,
        )
        client = Client(
            read_account(settings),
            settings.azure_storage_container,
            limits,
            settings.storage_public_url,
        )
        prefix = settings.storage_path.strip("/")
        return cls(client, f"{prefix}/" if prefix else "")

    def get_content(self, path: str) -> bytes:
        """Download the blob."""
        with self.reader(path) as reader:
            return b"".join(reader)

    def put_content(self, path: str, data: bytes) -> None:
        """Upload a blob in one request."""
        upload.put(self._client, self._name(path), data)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> DownloadReader:
        """Begin a download."""
        open_download = partial(download, self._client, self._name(path))
        return DownloadReader(open_download, self._client.attempts, offset, length)

    def stat(self, path: str) -> Stat:
        """Ask for the blob's properties."""
        name = self._name(path)
        with storage_errors(name):
            found = self._client.sdk.get_blob_client(name).get_blob_properties()
        if found.size is None or found.last_modified is None:
            raise Unavailable(f"{name}: the answer tells no size or no time")
        return Stat(found.size, found.last_modified.timestamp())

    def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
        """Ask for the blobs and prefixes below the directory, from ``after`` on."""
        directory = self._directory(path)

        def pages() -> Iterator[list[str]]:
            # ``after`` itself is listed once more, as a blob or as a directory.
            for names in listing.entries(self._client, directory, directory + after, limit + 1):
                yield [name.removeprefix(directory) for name in names]

        def holds(name: str) -> bool:
            return any(listing.blobs(self._client, f"{directory}{name}/", 1))

        return children(pages(), holds, after, limit)

    def touch(self, path: str) -> None:
        """Replace the blob's metadata, which is empty."""
        name = self._name(path)
        with storage_errors(name):
            self._client.sdk.get_blob_client(name).set_blob_metadata({})

    def delete(self, path: str) -> None:
        """Delete the blob, or all that the directory has, in batches."""
        name = self._name(path)
        try:
            with storage_errors(name):
                self._client.sdk.get_blob_client(name).delete_blob(delete_snapshots="include")
        except PathNotFound:
            self._delete_directory(f"{name}/")

    def redirect_url(self, path: str, method: str, seconds: int) -> str:
        """Sign an address that may be read (a SAS), for GET and HEAD alike."""
        return self._client.public_url(self._name(path), seconds)

    def start_upload(self, path: str) -> UploadState:
        """Give the state of an upload without parts."""
        return {"path": path, "parts": [], "size": 0}

    def append(self, state: UploadState, chunks: Iterable[bytes]) -> UploadState:
        """Make a blob of the bytes, under a name that no other append can choose."""
        part = f"part-{uuid.uuid4().hex}"
        size = upload.put_stream(self._client, self._part(state, part), chunks)
        if not size:
            return state
        parts = [*state["parts"], {"name": part, "size": size}]
        return {**state, "parts": parts, "size": state["size"] + size}

    def upload_content(self, state: UploadState) -> Iterator[bytes]:
        """Download the parts, one after another."""
        for part in state["parts"]:
            with self.reader(f"{state['path']}/{part['name']}") as reader:
                yield from reader

    def commit(self, state: UploadState, path: str) -> None:
        """Let the service copy the parts into one blob."""
        if not state["parts"]:
            self.put_content(path, b"")
            return
        sources = [
            upload.Source(self._part(state, part["name"]), part["size"]) for part in state["parts"]
        ]
        upload.join(self._client, sources, self._name(path))

    def abort(self, state: UploadState) -> None:
        """Delete the parts."""
        listing.delete_blobs(
            self._client, [self._part(state, part["name"]) for part in state["parts"]]
        )

    def write(self, directory: str, chunks: Iterable[bytes], path: str) -> None:
        """Upload what fits into one block in one request; anything else goes the usual way.

        Blocks of a larger one are not staged at its final name, since who writes the same object
        at the same time would discard them.
        """
        blocks = upload.stream_blocks(chunks)
        first = next(blocks, b"")
        if len(first) < upload.BLOCK_BYTES:
            self.put_content(path, first)
        else:
            super().write(directory, chain([first], blocks), path)

    def copy(self, directory: str, source: str, target: str) -> None:
        """Let the service copy it."""
        size = self.stat(source).size
        if not size:
            self.put_content(target, b"")
            return
        upload.join(self._client, [upload.Source(self._name(source), size)], self._name(target))

    def check(self) -> None:
        """Ask for the container, and make it when it is missing; say what to set when that fails.

        A container that anybody may read, as docker-registry 0.9 made it, is warned of.
        """
        container = self._client.sdk
        try:
            with storage_errors(container.url):
                try:
                    public = container.get_container_properties().public_access
                except HttpResponseError as error:
                    if error_code(error) != "ContainerNotFound":
                        raise
                    public = None
                    with suppress(ResourceExistsError):
                        container.create_container()
        except AccessDenied as error:
            raise AccessDenied(f"{error}: {_KEY_REFUSED}") from error
        except Unavailable as error:
            raise Unavailable(f"{error}: {_NO_SERVICE}") from error
        if public is not None:
            log.warning(
                "%s: anybody may read it, without logging in to the registry: set its "
                "access level to private",
                container.url,
            )

    def _delete_directory(self, directory: str) -> None:
        found = False
        for names in listing.blobs(self._client, directory):
            found = listing.delete_blobs(self._client, names) or found
        if not found:
            raise PathNotFound(f"{directory}: nothing is there")

    def _name(self, path: str) -> str:
        return self._prefix + path

    def _directory(self, path: str) -> str:
        return f"{self._prefix}{path}/" if path else self._prefix

    def _part(self, state: UploadState, part: str) -> str:
        return self._name(f"{state['path']}/{part}")
