"""Reading objects: one request, and more only if the connection breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from docker_registry.drivers.base import CHUNK_BYTES, Reader
from docker_registry.drivers.swift.client import Container
from docker_registry.drivers.swift.errors import swift_errors
from docker_registry.errors import Unavailable


class SwiftReader(Reader):
    """The answer to a GET, as it comes.

    When it breaks off, it is taken up again where it was, if the object has the same ETag still.
    """

    def __init__(
        self, container: Container, name: str, offset: int = 0, length: int | None = None
    ) -> None:
        self._container = container
        self._name = name
        self._where = container.where(name)
        self._at = offset
        self._body: Any = None
        self._etag = ""
        self.length = 0
        if length == 0:
            self.size = int(container.head(name)["content-length"])
            return
        headers = self._open(length)
        # 416 says the size too, of an object that has no such byte.
        self.size = self._full_size(headers)
        if self._body is not None:
            self.length = int(headers["content-length"])
            self._etag = headers["etag"]

    def __iter__(self) -> Iterator[bytes]:
        left, failures = self.length, 0
        while left:
            try:
                data = self._read(min(left, CHUNK_BYTES))
            except Unavailable:
                failures += 1
                if failures >= self._container.store.cloud.patience.attempts:
                    raise
                self.close()
                # Not by If-Match, which Ceph's gateway never finds fulfilled by a large object.
                if self._open(left).get("etag") != self._etag:
                    self.close()
                    raise Unavailable(f"{self._where}: it was replaced meanwhile") from None
                continue
            failures = 0
            self._at += len(data)
            left -= len(data)
            yield data

    def close(self) -> None:
        """Let the connection go: for others if all was read, else close it."""
        if self._body is not None:
            self._body.close()

    def _open(self, length: int | None) -> Mapping[str, str]:
        last = "" if length is None else self._at + length - 1
        ranged = {"Range": f"bytes={self._at}-{last}"}
        headers, self._body = self._container.get(self._name, headers=ranged)
        return headers

    def _full_size(self, headers: Mapping[str, str]) -> int:
        size = headers.get("content-range", "").rpartition("/")[2]
        if size.isdecimal():
            return int(size)
        return int(self._container.head(self._name)["content-length"])

    def _read(self, size: int) -> bytes:
        if self._body is None:
            raise Unavailable(f"{self._where}: it has become shorter")
        with swift_errors(self._where):
            data: bytes = self._body.read(size)
        if not data:
            raise Unavailable(f"{self._where}: the answer ended before its end")
        return data
