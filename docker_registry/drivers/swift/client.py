"""A container, and connections to it."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from swiftclient import client as swift
from swiftclient.exceptions import ClientException

from docker_registry.drivers.openstack import Cloud
from docker_registry.drivers.parts import Part
from docker_registry.drivers.swift.errors import swift_errors
from docker_registry.errors import PathNotFound, Unavailable

#: Seconds before a request is repeated for the first time, and at most.
BACKOFF, MOST_BACKOFF = 0.2, 2.0
#: Seconds for which a container that was there is taken to be there still.
TRUST = 10.0
#: How many names Swift lists at most (container_listing_limit).
MOST_NAMES = 10_000
BYTES = "application/octet-stream"
#: What an object would lose by a POST that doesn't repeat it (Swift API, "Create or update object
#: metadata"). Without its manifest a dynamic large object would be an empty one.
_LOST_BY_POST = ("x-object-manifest", "x-delete-at", "content-disposition", "content-encoding")


@dataclass(frozen=True)
class Store:
    """Where a driver keeps its objects.

    :ivar url: of the account, where the catalog's isn't the right one.
    :ivar prefix: what all names begin with: empty, or ends with a slash.
    """

    cloud: Cloud
    container: str
    prefix: str
    url: str | None = None


class Container:
    """A container of an account. Safe for many threads: each has a connection of its own.

    Methods raise the errors of ``docker_registry.errors``.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name
        self._local = threading.local()
        self._seen = 0.0

    @property
    def connection(self) -> swift.Connection:
        """The connection of this thread: it logs in, repeats and logs in again by itself."""
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.connection, self._local.pid = self._connect(), os.getpid()
        return self._local.connection

    def where(self, name: str) -> str:
        """Name an object in a message."""
        return f"Swift, container {self.name}, object {name}"

    def put(
        self, name: str, part: Part, query: str | None = None, content_type: str = BYTES
    ) -> str:
        """PUT an object, and give its MD5; Swift refuses it if other bytes arrive."""
        md5 = hashlib.md5(usedforsecurity=False)
        for chunk in part:
            md5.update(chunk)
        with swift_errors(self.where(name)), self._not_found_is_unavailable(name):
            self.connection.put_object(
                self.name,
                name,
                # swiftclient takes what has no length for a stream that can't be repeated.
                contents=part if part else None,
                content_length=len(part),
                # Of a manifest it would be that of the segments.
                etag=None if query else md5.hexdigest(),
                content_type=content_type,
                query_string=query,
            )
        self._seen = time.monotonic()
        return md5.hexdigest()

    def get(
        self, name: str, query: str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[Mapping[str, str], Any]:
        """GET an object: the headers of the answer, and its body as a stream.

        Raises ``ClientException`` for 416, and else as all methods.
        """
        with swift_errors(self.where(name)), self._found(name):
            try:
                headers_got, body = self.connection.get_object(
                    self.name, name, resp_chunk_size=1, query_string=query, headers=headers
                )
            except ClientException as error:
                if error.http_status != 416:
                    raise
                return error.http_response_headers, None
            return headers_got, body.resp

    def head(self, name: str) -> Mapping[str, str]:
        """HEAD an object."""
        with swift_errors(self.where(name)), self._found(name):
            found: Mapping[str, str] = self.connection.head_object(self.name, name)
            return found

    def copy(self, source: str, target: str) -> None:
        """COPY an object."""
        with swift_errors(self.where(source)), self._found(source):
            self.connection.copy_object(
                self.name, source, f"/{self.name}/{target}", fresh_metadata=True
            )

    def renew(self, name: str) -> None:
        """POST what an object has already: its modified time becomes now."""
        kept = {
            header: value
            for header, value in self.head(name).items()
            if header in _LOST_BY_POST or header.startswith("x-object-meta-")
        }
        with swift_errors(self.where(name)), self._found(name):
            self.connection.post_object(self.name, name, kept)

    def delete(self, name: str, query: str | None = None) -> None:
        """DELETE an object."""
        with swift_errors(self.where(name)), self._found(name):
            self.connection.delete_object(self.name, name, query_string=query)

    def delete_all(self, names: Iterable[str]) -> None:
        """Delete objects; some may be gone already."""
        for name in names:
            try:
                self.delete(name)
            except PathNotFound:
                continue

    def pages(
        self, prefix: str, after: str = "", limit: int = MOST_NAMES, delimiter: str | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """List what begins with ``prefix`` and lies behind ``after``, page by page.

        Only an empty page ends a listing: Ceph's may be short in between.
        """
        while True:
            with swift_errors(self.where(prefix)):
                try:
                    _, page = self.connection.get_container(
                        self.name,
                        prefix=prefix,
                        marker=after,
                        limit=min(limit, MOST_NAMES),
                        delimiter=delimiter,
                    )
                except ClientException as error:
                    if error.http_status == 404:
                        raise self._gone() from error
                    raise
            self._seen = time.monotonic()
            if not page:
                return
            yield page
            after = page[-1].get("name") or page[-1]["subdir"]

    def make(self) -> None:
        """Make the container if it is not there."""
        with swift_errors(f"Swift, container {self.name}"):
            try:
                self.connection.head_container(self.name)
            except ClientException as error:
                if error.http_status != 404:
                    raise
                self.connection.put_container(self.name)
        self._seen = time.monotonic()

    def path(self, name: str = "") -> str:
        """Give the path of an object below the host, not quoted."""
        with swift_errors("Swift"):
            account = self.store.cloud.endpoint("object-store", self.store.url)
        return f"{account}/{self.name}/{name}"

    def _connect(self) -> swift.Connection:
        cloud = self.store.cloud
        session = cloud.session
        verify = session.verify
        return swift.Connection(
            session=session,
            retries=cloud.patience.attempts - 1,
            starting_backoff=BACKOFF,
            max_backoff=MOST_BACKOFF,
            os_options={"object_storage_url": cloud.endpoint("object-store", self.store.url)},
            cacert=verify if isinstance(verify, str) else None,
            insecure=verify is False,
            timeout=(cloud.patience.connect, cloud.patience.read),
        )

    def _found(self, name: str) -> _NotFound:
        return _NotFound(self, name)

    def _not_found_is_unavailable(self, name: str) -> _NotFound:
        return _NotFound(self, name, always=True)

    def _gone(self) -> Unavailable:
        return Unavailable(
            f"Swift has no container {self.name}: check swift_container (OS_CONTAINER); it is made "
            "when the registry starts"
        )

    def confirm(self) -> None:
        """Raise ``Unavailable`` if the container is not there; asks at most now and then."""
        if time.monotonic() - self._seen < TRUST:
            return
        with swift_errors(f"Swift, container {self.name}"):
            try:
                self.connection.head_container(self.name)
            except ClientException as error:
                if error.http_status == 404:
                    raise self._gone() from error
                raise
        self._seen = time.monotonic()


class _NotFound:
    """Tells an object that is not there from a container that is not: both are a 404."""

    def __init__(self, container: Container, name: str, always: bool = False) -> None:
        self._container = container
        self._always = always

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ClientException) and error.http_status == 404:
            if self._always:
                raise self._container._gone() from error
            self._container.confirm()
