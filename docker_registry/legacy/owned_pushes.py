"""Pushing images where not everybody may have every image.

V1 names images by ids that clients make, and its routes say of no image where it belongs. So

- an image that is not complete is pushed by who began it, and by nobody else;
- it can be built only on what its pusher may have;
- who sends a complete image once more, byte for byte, may have it as if he had pushed it. So those
  who may not see each other's repositories can push what is built on the same base.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from docker_registry.drivers.base import Driver
from docker_registry.errors import PathNotFound
from docker_registry.legacy import layout
from docker_registry.legacy.checksums import PayloadChecksum
from docker_registry.legacy.errors import (
    ImageExists,
    ImageIdInvalid,
    ImageInvalid,
    ImageTaken,
    ImageUnknown,
)
from docker_registry.legacy.images import Images
from docker_registry.legacy.members import Members
from docker_registry.legacy.names import ImageId
from docker_registry.legacy.pushes import Pushes, read_document

#: How long nothing may have come of somebody's push, in seconds, before another one can begin the
#: same image anew.
IDLE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Pusher:
    """Who pushes.

    :ivar key: what tells him from others.
    :ivar may_pull: tells whether he may have an image that is there.
    """

    key: str
    may_pull: Callable[[ImageId], bool] = field(repr=False)


class OwnedPushes:
    """The pushes of somebody: what ``Pushes`` has, for what is his."""

    def __init__(
        self, driver: Driver, images: Images, pushes: Pushes, members: Members, pusher: Pusher
    ) -> None:
        self._driver = driver
        self._images = images
        self._pushes = pushes
        self._members = members
        self._pusher = pusher

    def put_json(self, image: ImageId, content: bytes) -> None:
        """Begin an image, or begin one anew that is not complete; see ``Pushes.put_json``.

        :raises ImageTaken: it is being pushed by somebody else; or it is there, and another one
            than this, and he may not have it.
        """
        self._check_parent(read_document(image, content).get("parent"))
        if self._images.is_in_progress(image):
            self._take(image)
        elif not self._images.exists(image):
            # An image that had the id before was another one.
            self._own(image)
        elif not self._pusher.may_pull(image):
            self._claim(image, content)
            return
        self._pushes.put_json(image, content)

    def put_layer(self, image: ImageId, chunks: Iterable[bytes]) -> None:
        """Store the layer of an image that he began; see ``Pushes.put_layer``.

        Of a complete image that he may not have nothing is stored: the layer is compared.

        :raises ImageTaken: it is another one; or somebody else has begun the image anew.
        """
        if self._images.is_in_progress(image):
            self._check_owned(image)
            self._pushes.put_layer(image, self._while_owned(image, chunks))
        elif self._images.exists(image):
            if self._pusher.may_pull(image):
                raise ImageExists
            self._compare(image, chunks)
        else:
            raise ImageUnknown

    def complete(self, image: ImageId, checksum: str) -> None:
        """Make an image whole that he began; see ``Pushes.complete``.

        Of a complete image that he has sent once more, the checksum may be sent too.
        """
        if self._images.is_in_progress(image):
            self._check_owned(image)
            self._pushes.complete(image, checksum)
            self._members.add_pusher(image, self._pusher.key)
            return
        if not self._images.exists(image) or not self._pusher.may_pull(image):
            raise ImageUnknown
        sent = self._members.was_sent_by(image, self._pusher.key)
        if not sent or checksum not in self._images.checksums(image):
            raise ImageExists("Cannot set this image checksum")

    def _check_parent(self, parent: Any) -> None:
        if not parent:
            return
        with suppress(ImageIdInvalid):
            image = ImageId.parse(str(parent))
            if self._is_owned(image) or self._pusher.may_pull(image):
                return
        # Whether it is there is no business of his.
        raise ImageInvalid("Image depends on a non existing parent", {"parent": str(parent)[:64]})

    def _take(self, image: ImageId) -> None:
        """Make an image his that is not complete, if it isn't."""
        owner = self._owner(image)
        if owner == self._key():
            return
        if owner and self._pushes.last_change(image) > time.time() - IDLE_SECONDS:
            raise ImageTaken
        self._own(image)
        # What somebody else has sent must not become his by a checksum.
        for path in (layout.checksums(image), layout.layer(image)):
            with suppress(PathNotFound):
                self._driver.delete(path)

    def _own(self, image: ImageId) -> None:
        self._members.forget_image(image)
        self._driver.put_transient(layout.push_owner(image), self._key().encode())

    def _key(self) -> str:
        return layout.digest(self._pusher.key)

    def _owner(self, image: ImageId) -> str:
        """Give who pushes an image that is not complete; empty if nobody knows."""
        try:
            return self._driver.get_content(layout.push_owner(image)).decode("ascii", "replace")
        except PathNotFound:
            return ""

    def _is_owned(self, image: ImageId) -> bool:
        return self._owner(image) == self._key()

    def _check_owned(self, image: ImageId) -> None:
        if not self._is_owned(image):
            raise ImageTaken

    def _while_owned(self, image: ImageId, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Give the bytes of a layer; refuse them at their end if it is somebody else's by then."""
        yield from chunks
        self._check_owned(image)

    def _claim(self, image: ImageId, content: bytes) -> None:
        """Record that somebody has the JSON of a complete image; his layer is to follow.

        Layers alone show nothing: many are empty, and secrets are in JSON too.
        """
        if content != self._images.json(image):
            raise ImageTaken
        self._driver.put_transient(layout.push_claim(image, self._pusher.key), content)

    def _compare(self, image: ImageId, chunks: Iterable[bytes]) -> None:
        try:
            self._driver.stat(layout.push_claim(image, self._pusher.key))
        except PathNotFound:
            raise ImageUnknown from None
        checksum = PayloadChecksum(self._images.json(image))
        for _ in checksum.watch(chunks):
            continue
        if checksum.value() not in self._images.checksums(image):
            raise ImageTaken
        self._members.add_pusher(image, self._pusher.key)
