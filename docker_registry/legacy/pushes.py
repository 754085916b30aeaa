"""Bringing an image in: its JSON, its layer, then the checksum that makes it complete.

An image that is not complete has 0.9's mark. The mark is stored before anything else and removed
last, so that whatever is cut off leaves an image that nobody can pull and anybody can push anew.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from docker_registry.drivers.base import Driver
from docker_registry.errors import LayerInvalid, PathNotFound, Unavailable
from docker_registry.legacy import layout
from docker_registry.legacy.checksums import PayloadChecksum, tarsum
from docker_registry.legacy.errors import (
    ChecksumInvalid,
    ImageDamaged,
    ImageExists,
    ImageIdInvalid,
    ImageInvalid,
    ImageUnknown,
)
from docker_registry.legacy.events import Events
from docker_registry.legacy.images import MAX_ANCESTRY, Images
from docker_registry.legacy.names import ImageId

log = logging.getLogger(__name__)

#: A removal that has not come to its end after so many seconds was cut off.
PURGE_SECONDS = 600

#: What the checksum begins with that Docker before 0.10 sends.
TARSUM = "tarsum+sha256:"


class Pushes:
    """Images that are not complete yet.

    :param max_age: seconds after which a push that nobody has begun anew has come to nothing.
    """

    def __init__(self, driver: Driver, images: Images, events: Events, max_age: float) -> None:
        self._driver = driver
        self._images = images
        self._events = events
        self._max_age = max_age

    def put_json(self, image: ImageId, content: bytes) -> None:
        """Begin an image, or begin one anew that is not complete.

        :raises ImageInvalid: the JSON is none, or is that of another image, or names a parent
            that is not there.
        :raises ImageExists: the image is complete.
        :raises PushRefused: an extension vetoes it.
        """
        document = read_document(image, content)
        line = [image, *self._ancestry(image, document.get("parent"))]
        begun_before = self._images.is_in_progress(image)
        if not begun_before and self._images.exists(image):
            raise ImageExists
        self._events.ask_before_push(document)
        self._driver.put_transient(layout.push_begun(image), b"")
        if begun_before:
            self._begin_anew(image, content)
        else:
            self._driver.put_content(layout.in_progress(image), b"true")
            self._driver.put_content(layout.image_json(image), content)
        self._driver.put_content(layout.ancestry(image), json.dumps(line).encode())

    def put_layer(self, image: ImageId, chunks: Iterable[bytes]) -> None:
        """Store the layer of an image that was begun, and its checksum.

        It may come again as long as the image is not complete.

        :raises ImageUnknown: the image was not begun.
        :raises ImageExists: it is complete.
        """
        checksum = PayloadChecksum(self._images.json(image))
        self._check_replaceable(image)
        self._driver.write(
            layout.push_parts(image, uuid.uuid4().hex),
            self._settled(image, chunks, checksum),
            layout.layer(image),
        )
        self._put_checksums(image, [checksum.value()])

    def complete(self, image: ImageId, checksum: str) -> None:
        """Make an image whole if the checksum is the one of what was pushed.

        :param checksum: of JSON and layer (``sha256:…``); or a tarsum, for which the layer is read.
        :raises ImageUnknown: the image was not begun.
        :raises ImageExists: it is complete.
        :raises ChecksumInvalid: it is another checksum, or there is no layer.
        """
        if not self._images.exists(image):
            raise ImageUnknown
        if not self._images.is_in_progress(image):
            raise ImageExists("Cannot set this image checksum")
        known = self._images.checksums(image)
        if not known:
            raise ChecksumInvalid(
                "Image's layer is missing: send it before its checksum", {"image": image}
            )
        if checksum.startswith(TARSUM) and not any(one.startswith(TARSUM) for one in known):
            known.append(self._tarsum(image))
            self._put_checksums(image, known)
        if checksum not in known:
            raise ChecksumInvalid(
                "Checksum mismatch", {"received": checksum[:256], "computed": known}
            )
        self._keep_from_purge(image)
        self._remove(layout.in_progress(image))
        self._remove(layout.push(image))

    def abandoned(self) -> Iterator[ImageId]:
        """Give the images whose pushes have come to nothing, or left something behind."""
        oldest = time.time() - self._max_age
        for name in self._driver.iterate(layout.PUSHES):
            with suppress(ImageIdInvalid):
                image = ImageId.parse(name)
                if self.last_change(image) < oldest:
                    yield image

    def last_change(self, image: ImageId) -> float:
        """Give when anything of a push was last stored, in seconds since the epoch."""
        directory = layout.push(image)
        paths = [layout.push_begun(image), layout.in_progress(image)]
        for part in self._driver.iterate(directory):
            paths += [
                f"{directory}/{part}/{name}" for name in self._driver.iterate(f"{directory}/{part}")
            ]
        newest = 0.0
        for path in paths:
            with suppress(PathNotFound):
                newest = max(newest, self._driver.stat(path).modified)
        return newest

    def purge(self, image: ImageId) -> bool:
        """Remove an image whose push has come to nothing, and tell whether it was removed.

        Who begins it anew or completes it meanwhile either sees that it is being removed, or is
        seen here.
        """
        self._driver.put_transient(layout.push_purge(image), b"")
        if self.last_change(image) >= time.time() - self._max_age:
            self._remove(layout.push_purge(image))
            return False
        doomed = self._images.is_in_progress(image)
        if doomed:
            # Without its JSON there is no image; the mark goes last.
            for path in (layout.image_json(image), layout.layer(image), layout.image(image)):
                self._remove(path)
        self._remove(layout.push(image))
        return doomed

    def _tarsum(self, image: ImageId) -> str:
        try:
            with self._images.layer(image) as layer:
                return tarsum(self._images.json(image), layer)
        except LayerInvalid as error:
            raise ChecksumInvalid("Checksum mismatch", {"reason": str(error)}) from None

    def _ancestry(self, image: ImageId, parent: Any) -> list[ImageId]:
        """Give the ids of what an image is to be built on."""
        if not parent:
            return []
        absent = ImageInvalid(
            "Image depends on a non existing parent", {"parent": str(parent)[:64]}
        )
        try:
            line = self._images.ancestry(ImageId.parse(str(parent)))
        except (ImageIdInvalid, ImageUnknown):
            raise absent from None
        except ImageDamaged as error:
            raise ImageInvalid(f"Image depends on a damaged parent: {error.message}") from None
        if image in line:
            raise ImageInvalid("Image depends on itself", {"parent": line[0]})
        if len(line) >= MAX_ANCESTRY:
            raise ImageInvalid(f"Image depends on {MAX_ANCESTRY} others or more")
        return line

    def _settled(
        self, image: ImageId, chunks: Iterable[bytes], checksum: PayloadChecksum
    ) -> Iterator[bytes]:
        """Give the bytes of a layer; refuse them at their end if the image was completed since.

        Before the layer is replaced, the checksum of another one goes.
        """
        yield from checksum.watch(chunks)
        self._check_replaceable(image)
        if checksum.value() not in self._images.checksums(image):
            self._remove(layout.checksums(image))

    def _check_replaceable(self, image: ImageId) -> None:
        """Raise ``ImageExists`` if an image is complete: it has a layer, and no mark."""
        if self._images.is_in_progress(image):
            return
        with suppress(ImageUnknown):
            self._images.layer_size(image)
            raise ImageExists

    def _begin_anew(self, image: ImageId, content: bytes) -> None:
        self._let_a_purge_end(image)
        try:
            self._driver.touch(layout.in_progress(image))
        except PathNotFound:
            # Another client has completed it meanwhile.
            raise ImageExists from None
        if self._stored_json(image) != content:
            # A checksum is one of JSON and layer.
            self._remove(layout.checksums(image))
            self._driver.put_content(layout.image_json(image), content)

    def _keep_from_purge(self, image: ImageId) -> None:
        """Let no purge take an image that is about to be completed, however long that took."""
        try:
            begun = self._driver.stat(layout.push_begun(image)).modified
        except PathNotFound:
            begun = 0.0
        if begun < time.time() - self._max_age / 2:
            self._driver.put_transient(layout.push_begun(image), b"")
            self._let_a_purge_end(image)

    def _let_a_purge_end(self, image: ImageId) -> None:
        with suppress(PathNotFound):
            since = self._driver.stat(layout.push_purge(image)).modified
            if since > time.time() - PURGE_SECONDS:
                raise Unavailable(f"the image {image} is being removed: its last push was given up")

    def _stored_json(self, image: ImageId) -> bytes | None:
        try:
            return self._images.json(image)
        except ImageUnknown:
            return None

    def _put_checksums(self, image: ImageId, checksums: list[str]) -> None:
        self._driver.put_content(layout.checksums(image), json.dumps(checksums).encode())

    def _remove(self, path: str) -> None:
        with suppress(PathNotFound):
            self._driver.delete(path)


def read_document(image: ImageId, content: bytes) -> dict[str, Any]:
    """Read the JSON of an image; ``ImageInvalid`` if it is none, or that of another one."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not document or not isinstance(document, dict):
        raise ImageInvalid("Invalid JSON")
    if "id" not in document:
        raise ImageInvalid("Missing key `id' in JSON")
    if document["id"] != image:
        raise ImageInvalid("JSON data contains invalid id", {"expected": image})
    return document
