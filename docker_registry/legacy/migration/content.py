"""What is learnt of a layer by reading it once."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from docker_registry.legacy.checksums import PayloadChecksum
from docker_registry.legacy.compression import Compression, decompress, peek
from docker_registry.legacy.tarball import members
from docker_registry.registry.names import CANONICAL, Digest

#: What zlib takes for a gzip header and trailer.
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Content:
    """A layer as it is stored.

    :ivar size: in bytes.
    :ivar diff_id: digest of the archive, not compressed.
    :ivar is_empty: whether the archive has no members, or there is none.
    :ivar checksum: of V1, as ``sha256:…``; see ``PayloadChecksum``.
    """

    digest: Digest
    size: int
    compression: Compression
    diff_id: Digest
    is_empty: bool
    checksum: str


def examine(json: bytes, layer: Iterable[bytes]) -> Content:
    """Read a layer to its end.

    :param json: its image's JSON, which V1's checksum covers.
    :raises LayerInvalid: it is no whole tar archive.
    """
    stored = _Hashed(layer)
    checksum = PayloadChecksum(json)
    compression, coming = peek(checksum.watch(stored))
    archive = _Hashed(decompress(coming))
    count = sum(1 for _ in members(archive))
    for _ in archive:
        continue  # What lies behind the end of the archive belongs to its digest.
    return Content(
        stored.digest(),
        stored.size,
        compression,
        archive.digest(),
        not count,
        checksum.value(),
    )


def gzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Compress: the same bytes give the same ones every time."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
    for chunk in chunks:
        if piece := compressor.compress(chunk):
            yield piece
    yield compressor.flush()


class _Hashed(Iterator[bytes]):
    """Bytes that are counted and hashed as they pass.

    :ivar size: in bytes, so far.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.size = 0
        self._chunks = iter(chunks)
        self._running = hashlib.new(CANONICAL)

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self._running.update(chunk)
        self.size += len(chunk)
        return chunk

    def digest(self) -> Digest:
        """Give the digest of what has passed."""
        return Digest.of_hash(self._running)
