"""What is in layers and what they change, computed once and kept."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from docker_registry.drivers.base import Driver, Reader
from docker_registry.errors import LayerInvalid, PathNotFound
from docker_registry.legacy import layout, tarball
from docker_registry.legacy.diff import diff
from docker_registry.legacy.errors import ImageDamaged, ImageUnknown, LayerUnreadable
from docker_registry.legacy.images import Images
from docker_registry.legacy.names import ImageId

#: How long a listing may be that is compared with others, in bytes: it is held in memory.
COMPARED_BYTES = 32 * 1024 * 1024

#: How much of a listing is stored at a time, in characters.
PIECE = 256 * 1024


class Listings:
    """The listings of complete images.

    They are not kept where 0.9 kept its own, which lack deleted files.
    """

    def __init__(self, driver: Driver, images: Images) -> None:
        self._driver = driver
        self._images = images

    def files(self, image: ImageId) -> Reader:
        """Open the list of the files of a layer (V1's ``/files``), which is JSON.

        :raises ImageUnknown: there is no such layer.
        :raises LayerUnreadable: it is no tar archive.
        """
        path = layout.files(image)
        try:
            return self._driver.reader(path)
        except PathNotFound:
            self._list(image, path)
        return self._driver.reader(path)

    def diff(self, image: ImageId) -> bytes:
        """Give what a layer changes of those below it, as JSON (V1's ``/diff``).

        :raises ImageUnknown: there is no such image.
        :raises ImageDamaged: one that it is built on is missing.
        :raises LayerUnreadable: a layer is no tar archive, or has too many files.
        """
        path = layout.diff(image)
        try:
            return self._driver.get_content(path)
        except PathNotFound:
            below = self._images.ancestry(image)[1:]
            changes = diff(self._load(image), (self._load_below(one, image) for one in below))
        content = json.dumps(changes).encode()
        self._driver.put_content(path, content)
        return content

    def _list(self, image: ImageId, path: str) -> None:
        with self._images.layer(image) as layer:
            try:
                entries = tarball.files(layer)
                parts = layout.push_parts(image, uuid.uuid4().hex)
                self._driver.write(parts, _as_json(entries), path)
            except LayerInvalid as error:
                raise LayerUnreadable(
                    "Layer format not supported", {"reason": str(error)}
                ) from None

    def _load(self, image: ImageId) -> list[Any]:
        with self.files(image) as listing:
            if listing.size > COMPARED_BYTES:
                raise LayerUnreadable("Layer has too many files to compare", {"image": image})
            found: list[Any] = json.loads(b"".join(listing))
            return found

    def _load_below(self, below: ImageId, image: ImageId) -> list[Any]:
        try:
            return self._load(below)
        except ImageUnknown:
            raise ImageDamaged(
                f"the image {image} is built on {below}, whose layer is missing"
            ) from None


def _as_json(entries: Iterable[tarball.FileEntry]) -> Iterator[bytes]:
    """Give entries as a JSON array, in pieces that are worth a call."""
    piece, separator = "[", ""
    for entry in entries:
        piece += separator + json.dumps(entry)
        separator = ", "
        if len(piece) > PIECE:
            yield piece.encode()
            piece = ""
    yield f"{piece}]".encode()
