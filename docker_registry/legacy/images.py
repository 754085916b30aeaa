"""Images of V1: what is stored of them, and whether they are whole."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator
from typing import Any

from docker_registry.drivers.base import Driver, Reader
from docker_registry.errors import PathNotFound
from docker_registry.legacy import layout
from docker_registry.legacy.errors import (
    ImageDamaged,
    ImageIdInvalid,
    ImageUnfinished,
    ImageUnknown,
)
from docker_registry.legacy.names import ImageId

log = logging.getLogger(__name__)

#: Most images that one may be built on. Docker itself stops at 127.
MAX_ANCESTRY = 1024

_CHECKSUM = re.compile(r"(?:tarsum(?:\.\w+)?\+)?[a-z0-9]+:[0-9a-f]+", re.ASCII)


class Images:
    """The images of all repositories: V1 doesn't say which belongs to which.

    :param max_age: seconds after which an image whose push has come to nothing is taken as absent.
    """

    def __init__(self, driver: Driver, max_age: float = 7 * 24 * 3600) -> None:
        self._driver = driver
        self._max_age = max_age

    @property
    def are_files(self) -> bool:
        """Whether layers are files, at their paths below one directory."""
        return self._driver.has_files

    def iterate(self) -> Iterator[ImageId]:
        """Give the ids of all images, whether they are complete or not, in byte order."""
        for name in self._driver.iterate(layout.IMAGES):
            try:
                yield ImageId.parse(name)
            except ImageIdInvalid:
                continue

    def exists(self, image: ImageId) -> bool:
        """Whether there is such an image, complete or not."""
        return self._has(layout.image_json(image))

    def is_in_progress(self, image: ImageId) -> bool:
        """Whether an image has yet to be completed by its client."""
        return self._has(layout.in_progress(image))

    def is_complete(self, image: ImageId) -> bool:
        """Whether an image is there, and whole."""
        return not self.is_in_progress(image) and self.exists(image)

    def check_not_in_progress(self, image: ImageId) -> None:
        """Raise ``ImageUnfinished`` for an image that is being pushed.

        One whose push was given up raises ``ImageUnknown``: there is nothing to wait for.
        """
        try:
            since = self._driver.stat(layout.in_progress(image)).modified
        except PathNotFound:
            return
        if since < time.time() - self._max_age:
            raise ImageUnknown
        raise ImageUnfinished

    def json(self, image: ImageId) -> bytes:
        """Give the JSON of an image, byte for byte; ``ImageUnknown`` if it is not there."""
        try:
            return self._driver.get_content(layout.image_json(image))
        except PathNotFound:
            raise ImageUnknown from None

    def document(self, image: ImageId) -> dict[str, Any]:
        """Give the JSON of an image as an object.

        :raises ImageUnknown: it is not there.
        :raises ImageDamaged: it is no JSON object.
        """
        found = _parse(self.json(image))
        if not isinstance(found, dict):
            raise ImageDamaged(f"the JSON of the image {image} can't be read")
        return found

    def layer_size(self, image: ImageId) -> int:
        """Give the size of a layer as it is stored, in bytes; ``ImageUnknown`` if it is absent."""
        try:
            return self._driver.stat(layout.layer(image)).size
        except PathNotFound:
            raise ImageUnknown from None

    def layer(self, image: ImageId, offset: int = 0, length: int | None = None) -> Reader:
        """Open a layer at ``offset``, for ``length`` bytes or to the end, as it is stored."""
        try:
            return self._driver.reader(layout.layer(image), offset, length)
        except PathNotFound:
            raise ImageUnknown from None

    def layer_url(self, image: ImageId, method: str, seconds: int) -> str | None:
        """Give an address of the backend itself for a layer, where there is one.

        :raises ImageUnknown: there is no such layer.
        """
        self.layer_size(image)
        return self._driver.redirect_url(layout.layer(image), method, seconds)

    def checksums(self, image: ImageId) -> list[str]:
        """Give the checksums of an image; none where none were stored that can be read."""
        try:
            content = self._driver.get_content(layout.checksums(image))
        except PathNotFound:
            return []
        found = _parse(content)
        if not isinstance(found, list):
            # The oldest versions stored one checksum, as it is.
            found = [found or content.decode("ascii", "replace").strip()]
        return [one for one in found if isinstance(one, str) and _CHECKSUM.fullmatch(one)]

    def parent(self, image: ImageId) -> ImageId | None:
        """Give the image that one is built on; ``None`` for one that begins from nothing.

        :raises ImageUnknown: the image is not there.
        :raises ImageDamaged: its JSON can't be read, or names what can't be an image.
        """
        parent = self.document(image).get("parent")
        if not parent:
            return None
        try:
            return ImageId.parse(str(parent))
        except ImageIdInvalid:
            raise ImageDamaged(f"the parent of the image {image} has no valid id") from None

    def ancestry(self, image: ImageId) -> list[ImageId]:
        """Give an image and those it is built on, itself first.

        Where old versions stored no list of them, or one that makes no sense, the parents are
        followed one by one.

        :raises ImageUnknown: the image is not there.
        :raises ImageDamaged: one of them is missing, or is built on itself.
        """
        try:
            stored = _ids(self._driver.get_content(layout.ancestry(image)))
        except PathNotFound:
            stored = []
        if stored[:1] == [image] and len(set(stored)) == len(stored):
            return stored
        return self._follow(image)

    def _follow(self, image: ImageId) -> list[ImageId]:
        log.info("the ancestry of the image %s is read from its parents", image)
        line = [image]
        parent = self.parent(image)
        while parent is not None:
            if parent in line:
                raise ImageDamaged(f"the image {parent} is built on itself")
            if len(line) == MAX_ANCESTRY:
                raise ImageDamaged(f"the image {image} is built on more than {MAX_ANCESTRY} others")
            line.append(parent)
            try:
                parent = self.parent(parent)
            except ImageUnknown:
                raise ImageDamaged(
                    f"the image {image} is built on {parent}, which is missing"
                ) from None
        return line

    def _has(self, path: str) -> bool:
        try:
            self._driver.stat(path)
        except PathNotFound:
            return False
        return True


def _parse(content: bytes) -> Any:
    """Read JSON; ``None`` for what is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _ids(content: bytes) -> list[ImageId]:
    """Read a list of ids; empty for what is none, or too long."""
    found = _parse(content)
    if not isinstance(found, list) or len(found) > MAX_ANCESTRY:
        return []
    try:
        return [ImageId.parse(str(entry)) for entry in found]
    except ImageIdInvalid:
        return []
