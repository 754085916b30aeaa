"""Objects under names in a container."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Self

from docker_registry.drivers import flat
from docker_registry.drivers.base import Driver, Stat, UploadState
from docker_registry.drivers.openstack import connect
from docker_registry.drivers.parts import Part, cut
from docker_registry.drivers.swift.client import Container, Store
from docker_registry.drivers.swift.errors import misses_segments
from docker_registry.drivers.swift.limits import Limits
from docker_registry.drivers.swift.reader import SwiftReader
from docker_registry.drivers.swift.segments import (
    MANIFEST,
    Segment,
    Segments,
    mark,
    parts_of,
    sizes,
)
from docker_registry.drivers.swift.tempurl import Signer
from docker_registry.errors import ConfigError, PathNotFound, StorageError, Unavailable

if TYPE_CHECKING:
    from docker_registry.config import Settings

_LARGE = "x-static-large-object"
_DYNAMIC = "x-object-manifest"

#: What Swift may copy by one request, in bytes: at 5 MiB a second it takes less than a minute.
COPY_BYTES = 256 * 1024 * 1024


class SwiftDriver(Driver):
    """A container, or what lies under a prefix in one, and mostly a second one for segments.

    What fits in one segment is a plain object, if it comes in one piece; everything else is a
    static large object. Nothing is copied when an upload is committed.

    :param segments: name of the container of segments; by default ``<container>_segments``.
    :param signer: signs URLs that clients can use; without, there are none.
    """

    name = "swift"

    def __init__(
        self, store: Store, segments: str | None = None, signer: Signer | None = None
    ) -> None:
        self._prefix = store.prefix
        self._objects = Container(store, store.container)
        beside = Container(store, segments or f"{store.container}_segments")
        self._segments = Segments(beside, self._objects, store.prefix)
        self._signer = signer

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Take the keys that begin with ``swift_`` and ``openstack_``, and those of every store."""
        name, segments = settings.swift_container, settings.swift_segments_container
        _check_name("swift_container (OS_CONTAINER)", name)
        if segments is not None:
            _check_name("swift_segments_container (SWIFT_SEGMENTS_CONTAINER)", segments)
        prefix = settings.storage_path.strip("/")
        store = Store(
            connect(settings),
            name,
            f"{prefix}/" if prefix else "",
            settings.swift_object_storage_url,
        )
        key = settings.swift_temp_url_key
        return cls(
            store,
            segments,
            Signer(
                Container(store, name),
                key.get_secret_value() if key else None,
                settings.storage_public_url,
                alone=segments == name,
            ),
        )

    def get_content(self, path: str) -> bytes:
        """GET the object."""
        with self.reader(path) as reader:
            return b"".join(reader)

    def put_content(self, path: str, data: bytes) -> None:
        """PUT the object."""
        self._put(self._name(path), data)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> SwiftReader:
        """GET the range."""
        return SwiftReader(self._objects, self._name(path), offset, length)

    def stat(self, path: str) -> Stat:
        """HEAD the object."""
        found = self._objects.head(self._name(path))
        modified = found.get("x-timestamp")
        if modified is None:
            modified = str(parsedate_to_datetime(found["last-modified"]).timestamp())
        return Stat(int(found["content-length"]), float(modified))

    def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
        """List the names below the directory, those further down as one entry."""
        directory = self._name(f"{path}/") if path else self._prefix

        def holds(name: str) -> bool:
            return any(self._objects.pages(f"{directory}{name}/", limit=1))

        pages = (
            [
                name.removeprefix(directory)
                for entry in page
                if (name := entry.get("name") or entry["subdir"]) != self._segments.prefix
            ]
            for page in self._objects.pages(
                directory, f"{directory}{after}" if after else "", limit + 1, "/"
            )
        )
        return flat.children(pages, holds, after, limit)

    def fingerprints(self, path: str) -> Iterator[tuple[str, str]]:
        """List the names below the directory with their MD5s; of large objects it isn't theirs."""
        directory = self._name(f"{path}/")
        for page in self._objects.pages(directory):
            for entry in page:
                yield entry["name"].removeprefix(directory), entry["hash"]

    def touch(self, path: str) -> None:
        """HEAD the object, and POST what it has."""
        self._objects.renew(self._name(path))

    def delete(self, path: str) -> None:
        """Look whether it is an object, and delete it with its segments; else list what is below.

        The segments of large objects below a directory go when the storage is swept.
        """
        name = self._name(path)
        with suppress(PathNotFound):
            self._delete(name, large=_LARGE in self._objects.head(name))
            return
        found = False
        for page in self._objects.pages(f"{name}/"):
            found = True
            self._objects.delete_all(entry["name"] for entry in page)
        if not found:
            raise PathNotFound(f"{self._objects.where(name)}: nothing there")

    def redirect_url(self, path: str, method: str, seconds: int) -> str | None:
        """Sign a temporary URL."""
        if self._signer is None:
            return None
        return self._signer.sign(self._name(path), method, seconds)

    def start_upload(self, path: str) -> UploadState:
        """Give the state of an upload without segments."""
        return {"path": path, "groups": [], "segments": [], "size": 0}

    def append(self, state: UploadState, chunks: Iterable[bytes]) -> UploadState:
        """Store the bytes as a new group of segments."""
        group, segments = self._segments.store(cut(chunks, sizes()))
        if not segments:
            return state
        return {
            **state,
            "groups": [*state["groups"], group],
            "segments": [*state["segments"], *segments],
            "size": state["size"] + sum(size for _, _, size in segments),
        }

    def upload_content(self, state: UploadState) -> Iterator[bytes]:
        """Read the segments, one after another."""
        for name, _, _ in state["segments"]:
            with SwiftReader(self._segments.container, name) as reader:
                yield from reader

    def commit(self, state: UploadState, path: str) -> None:
        """Store the manifest of the segments; copy only what can't be one object as it is."""
        name = self._name(path)
        if not state["segments"]:
            self._put(name, b"")
        elif self._limits.allow([size for _, _, size in state["segments"]]):
            self._segments.claim(state["groups"], name)
            self._join(state["groups"], state["segments"], name)
        else:
            self.write(state["path"], self.upload_content(state), path)

    def abort(self, state: UploadState) -> None:
        """Delete the segments, unless an object may have them."""
        for group in state["groups"]:
            self._segments.drop(group)

    def write(self, directory: str, chunks: Iterable[bytes], path: str) -> None:
        """PUT a small object; store a large one as segments and a manifest."""
        name = self._name(path)
        parts = cut(chunks, sizes())
        first, second = next(parts, Part([])), next(parts, None)
        if second is None:
            try:
                self._objects.put(name, first)
            finally:
                first.release()
            return
        group, segments = self._segments.store(chain([first, second], parts))
        self._segments.own([group], name)
        self._join([group], segments, name)

    def copy(self, directory: str, source: str, target: str) -> None:
        """Let Swift copy the object, or each segment of it, as far as that can be done in time.

        Segments belong to one object alone, so a copy can't share them.
        """
        name, new = self._name(source), self._name(target)
        found = self._objects.head(name)
        if not self._limits.copies or _DYNAMIC in found:
            super().copy(directory, source, target)
        elif _LARGE in found and (parts := self._segments.of(name, COPY_BYTES)):
            group, segments = self._segments.copy(parts)
            self._segments.own([group], new)
            self._join([group], segments, new)
        elif _LARGE not in found and int(found["content-length"]) <= COPY_BYTES:
            self._objects.copy(name, new)
        else:
            super().copy(directory, source, target)

    def sweep(self, before: float) -> int:
        """Delete the segments of uploads and objects that are no more."""
        return self._segments.sweep(before)

    def check(self) -> None:
        """Make the containers if need be; store and delete an object."""
        for container in (self._objects, self._segments.container):
            container.make()
        probe = self._name(f"check-{uuid.uuid4().hex}")
        self._put(probe, b"check")
        self._objects.delete(probe)

    @cached_property
    def _limits(self) -> Limits:
        return Limits.of(self._objects)

    def _name(self, path: str) -> str:
        return self._prefix + path

    def _put(self, name: str, data: bytes) -> None:
        self._objects.put(name, Part([data]))

    def _join(self, groups: Sequence[str], segments: Sequence[Segment], name: str) -> None:
        manifest = Part([self._segments.manifest(segments)])
        try:
            self._objects.put(name, manifest, MANIFEST, content_type=mark(groups))
        except StorageError as error:
            if misses_segments(error):
                raise PathNotFound(f"{self._objects.where(name)}: segments are gone") from error
            raise

    def _delete(self, name: str, large: bool) -> None:
        if not large:
            self._objects.delete(name)
            return
        parts = parts_of(self._objects, name)
        if parts is None:
            self._objects.delete(name, query="multipart-manifest=delete")
            with suppress(PathNotFound):
                # The answer is 200, whatever became of it.
                self._objects.head(name)
                raise Unavailable(f"{self._objects.where(name)}: it could not be deleted")
            return
        self._objects.delete(name)
        self._segments.container.delete_all(
            part
            for container, part in parts
            if container == self._segments.container.name and part.startswith(self._segments.prefix)
        )


def _check_name(key: str, name: str) -> None:
    if not name or "/" in name or len(name) > 240:
        raise ConfigError(
            f"{key} is {name!r}: give a name of at most 240 characters without a slash, such as "
            "registry"
        )
