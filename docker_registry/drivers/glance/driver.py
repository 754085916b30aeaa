"""Objects as images, found by a property that holds their path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Self

from docker_registry.drivers.base import Driver, Stat, Stray, UploadState
from docker_registry.drivers.glance import naming
from docker_registry.drivers.glance.client import (
    DIGEST,
    PATH,
    STAMP,
    TOUCHED,
    Image,
    Images,
    Store,
    modified,
    stamp,
)
from docker_registry.drivers.glance.legacy import LegacyLayers
from docker_registry.drivers.glance.reader import GlanceReader
from docker_registry.drivers.openstack import connect
from docker_registry.errors import ConfigError, PathNotFound, StorageError

if TYPE_CHECKING:
    from docker_registry.config import Settings

Tags = list[str]

#: How many blobs' images a process remembers.
REMEMBERED = 10_000


class GlanceDriver(Driver):
    """Images of one project.

    An image gets its data once, under an id of its own that is never used again, so each object is
    a new image, and to replace one is to make another and delete the first. It is slow for small
    objects, and meant for layers: everything else is for another driver.
    """

    name = "glance"
    payload_only: ClassVar[bool] = True

    def __init__(self, store: Store) -> None:
        self._images = Images(store)
        # Of blobs, whose content never changes: id and size.
        self._known: dict[str, tuple[str, int]] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Take the keys that begin with ``glance_`` and ``openstack_``; see ``connect``."""
        return cls(
            Store(
                connect(settings),
                settings.storage_path.strip("/") or "docker-registry",
                settings.glance_url,
                settings.glance_visibility,
                settings.glance_owner,
                settings.glance_store,
            )
        )

    def holds(self, path: str) -> bool:
        """Say yes to blobs, and to layers of V1 images."""
        return naming.is_payload(path)

    def get_content(self, path: str) -> bytes:
        """Read the image's data."""
        with self.reader(path) as reader:
            return b"".join(reader)

    def put_content(self, path: str, data: bytes) -> None:
        """Make a new image."""
        self.write("", [data], path)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> GlanceReader:
        """Find the image, and GET its data; of a blob that was found before only the latter."""
        known = self._known.get(path)
        if known is not None:
            try:
                return GlanceReader(self._images, *known, offset, length)
            except PathNotFound:
                self._known.pop(path, None)
        image = self._find(path)
        while True:
            try:
                return GlanceReader(self._images, image["id"], int(image["size"]), offset, length)
            except PathNotFound:
                # It was replaced between the two requests, if there is another one now.
                newer = self._find(path)
                if newer["id"] == image["id"]:
                    raise
                image = newer

    def stat(self, path: str) -> Stat:
        """Find the image."""
        image = self._find(path)
        return Stat(int(image["size"]), modified(image))

    def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
        """Look at all images below the directory: only tools need this."""
        directory = f"{path}/" if path else ""
        names = {
            image[PATH].removeprefix(directory).partition("/")[0]
            for image in self._images.below(naming.tag(path) if path else None)
            if image[PATH].startswith(directory)
        }
        return sorted(name for name in names if name > after)[:limit]

    def touch(self, path: str) -> None:
        """Change a property."""
        self._images.update(self._find(path)["id"], **{TOUCHED: stamp()})

    def delete(self, path: str) -> None:
        """Delete the images at the path, or those that have the tag of the directory."""
        self._known.pop(path, None)
        doomed = self._images.at(path) or [
            image
            for image in self._images.below(naming.tag(path))
            if image[PATH].startswith(f"{path}/")
        ]
        if not doomed:
            raise PathNotFound(f"{path}: not in Glance")
        # The newest at a path comes first, and goes last: else an older one would be seen.
        for image in reversed(doomed):
            self._images.delete(image["id"])

    def start_upload(self, path: str) -> UploadState:
        """Give the state of an upload without parts."""
        return {"path": path, "parts": [], "size": 0}

    def append(self, state: UploadState, chunks: Iterable[bytes]) -> UploadState:
        """Make an image that is at no path yet."""
        image_id, size = self._store(f"upload below {state['path']}"[-naming.LIMIT :], [], chunks)
        if not size:
            self._images.delete(image_id)
            return state
        new = {"id": image_id, "size": size}
        return {**state, "parts": [*state["parts"], new], "size": state["size"] + size}

    def upload_content(self, state: UploadState) -> Iterator[bytes]:
        """Read the parts, one after another."""
        for part in state["parts"]:
            with GlanceReader(self._images, part["id"], part["size"], 0, None) as reader:
                yield from reader

    def commit(self, state: UploadState, path: str) -> None:
        """Say of the only part that it is at the path. Several have to be sent again as one."""
        if len(state["parts"]) != 1:
            self.write(state["path"], self.upload_content(state), path)
            self.abort(state)
            return
        (part,) = state["parts"]
        labels = self._labels(path)
        self._images.update(
            part["id"],
            name=naming.image_name(path, state["path"]),
            tags=naming.tags(path),
            **labels,
        )
        self._settle(path, part["id"], part["size"], labels[STAMP])

    def abort(self, state: UploadState) -> None:
        """Delete the parts, but not one that has become an object."""
        for part in state["parts"]:
            with suppress(PathNotFound):
                if PATH not in self._images.get(part["id"]):
                    self._images.delete(part["id"])

    def write(self, directory: str, chunks: Iterable[bytes], path: str) -> None:
        """Make an image: until it has all its data it doesn't count."""
        labels = self._labels(path)
        name = naming.image_name(path, directory)
        image_id, size = self._store(name, naming.tags(path), chunks, **labels)
        self._settle(path, image_id, size, labels[STAMP])

    def sweep(self, before: float) -> int:
        """Delete images that never got all their data, or never a path."""
        swept = 0
        for image in self._images.unfinished():
            if modified(image) < before:
                self._images.delete(image["id"])
                swept += 1
        return swept

    def strays(self, home: Driver) -> Iterator[Stray]:
        """Look at all images of Docker in the project for those of docker-registry 0.9."""
        return LegacyLayers(self._images, home).strays()

    def check(self) -> None:
        """Make an image without data, and delete it."""
        try:
            self._images.delete(self._images.create("docker-registry check", []))
        except StorageError as error:
            if getattr(error.__cause__, "code", None) == 400:
                raise ConfigError(
                    f"Glance refuses images of ours ({error}): add docker to container_formats in "
                    "glance-api.conf, and check glance_visibility (GLANCE_VISIBILITY)"
                ) from error
            raise

    def _find(self, path: str) -> Image:
        found = self._images.at(path)
        if not found:
            raise PathNotFound(f"{path}: not in Glance")
        self._remember(path, found[0]["id"], int(found[0]["size"]))
        return found[0]

    def _store(
        self, name: str, tags: Tags, chunks: Iterable[bytes], **properties: str
    ) -> tuple[str, int]:
        image_id = self._images.create(name, tags, **properties)
        try:
            return image_id, self._images.upload(image_id, chunks)
        except BaseException:
            with suppress(StorageError):
                self._images.delete(image_id)
            raise

    def _labels(self, path: str) -> dict[str, str]:
        digest = naming.digest_of(path)
        return {PATH: path, STAMP: stamp(), **({DIGEST: digest} if digest else {})}

    def _settle(self, path: str, image_id: str, size: int, since: str) -> None:
        """Delete what was at a path before."""
        for image in self._images.at(path):
            if image["id"] != image_id and image.get(STAMP, "") < since:
                self._images.delete(image["id"])
        self._remember(path, image_id, size)

    def _remember(self, path: str, image_id: str, size: int) -> None:
        if naming.digest_of(path) is None:
            return
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[path] = image_id, size
