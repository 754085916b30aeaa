"""Reading the data of an image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from docker_registry.drivers.base import CHUNK_BYTES, Reader
from docker_registry.drivers.glance.client import Images
from docker_registry.errors import Unavailable


class GlanceReader(Reader):
    """The answer to one GET, and more only if the connection breaks: an image never changes.

    :param size: of the image, in bytes.
    """

    def __init__(
        self, images: Images, image_id: str, size: int, offset: int, length: int | None
    ) -> None:
        self._images = images
        self._id = image_id
        self._at = offset
        self._answer: Any = None
        self._skip = 0
        self.size = size
        rest = max(size - offset, 0)
        self.length = rest if length is None else min(length, rest)
        if self.length:
            self._open(self.length)

    def __iter__(self) -> Iterator[bytes]:
        left, failures = self.length, 0
        while left:
            try:
                data = self._read(left)
            except Unavailable:
                failures += 1
                if failures >= self._images.store.cloud.patience.attempts:
                    raise
                self.close()
                self._open(left)
                continue
            failures = 0
            self._at += len(data)
            left -= len(data)
            yield data

    def close(self) -> None:
        """Let the connection go: for others if all was read, else close it."""
        if self._answer is not None:
            self._answer.close()

    def _open(self, length: int) -> None:
        whole = self._at == 0 and length == self.size
        self._answer = self._images.open(
            self._id, self._at, None if whole else self._at + length - 1
        )
        self._skip = self._at if self._answer.status_code == 200 else 0

    def _read(self, left: int) -> bytes:
        while self._skip:
            self._skip -= len(self._some(min(self._skip, CHUNK_BYTES)))
        return self._some(min(left, CHUNK_BYTES))

    def _some(self, size: int) -> bytes:
        try:
            data: bytes = self._answer.raw.read(size)
        except (HTTPError, RequestException, OSError) as error:
            raise Unavailable(f"data of image {self._id}: {error}") from error
        if not data:
            raise Unavailable(f"data of image {self._id}: the answer ended before its end")
        return data
