"""Bytes of a client that can be sent to a second backend when the first one fails."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Self

from docker_registry.drivers.base import CHUNK_BYTES
from docker_registry.errors import Unavailable

log = logging.getLogger(__name__)


class Spool:
    """A stream that comes once, made repeatable by a temporary file.

    Each iteration begins with the first byte. The file has no name, and lies where ``TMPDIR``
    says. Where it can't be written the bytes still flow, but only once.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._source = iter(chunks)
        self._kept = 0
        self._given = 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        yield from self._again()
        for chunk in self._source:
            self._keep(chunk)
            self._given += len(chunk)
            yield chunk

    def _again(self) -> Iterator[bytes]:
        if self._kept < self._given:
            raise Unavailable("the bytes that came so far could not be kept: send them again")
        offset = 0
        while self._file is not None and offset < self._kept:
            self._file.seek(offset)
            chunk = self._file.read(min(CHUNK_BYTES, self._kept - offset))
            offset += len(chunk)
            yield chunk

    def _keep(self, chunk: bytes) -> None:
        if self._kept < self._given:
            return
        try:
            if self._file is None:
                # Unbuffered, so that a full disk is noticed here.
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
            self._file.seek(self._kept)
            if self._file.write(chunk) == len(chunk):
                self._kept += len(chunk)
        except OSError as error:
            log.warning("no room to keep an upload for a second backend: %s", error)
