"""Layers as docker-registry 0.9 took them: plain, or compressed in one of several ways."""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import Protocol

from docker_registry.errors import LayerInvalid

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: What one step of decompressing gives at most, in bytes.
PIECE_BYTES = 1024 * 1024

#: How many bytes a layer may have when decompressed; a decompression bomb has more.
LIMIT_BYTES = 128 * 1024**3

#: What decompressing may take of memory, in bytes. ``xz -9`` takes 65 MiB; ``zstd -19``, 8 MiB.
MEMORY_BYTES = 128 * 1024 * 1024


class Compression(StrEnum):
    """How a layer is compressed."""

    PLAIN = "plain"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTD = "zstd"


#: What compressed data begins with (RFC 1952, 2.3.1; bzip2; xz file format 1.2, 2.1.1.1;
#: RFC 8878, 3.1.1 and 3.1.2: a frame, or one that is skipped).
_MAGIC: dict[Compression, tuple[bytes, ...]] = {
    Compression.GZIP: (b"\x1f\x8b",),
    Compression.BZIP2: (b"BZh",),
    Compression.XZ: (b"\xfd7zXZ\0",),
    Compression.ZSTD: (
        b"\x28\xb5\x2f\xfd",
        *(bytes([number, 0x2A, 0x4D, 0x18]) for number in range(0x50, 0x60)),
    ),
}
_MAGIC_BYTES = 6


class _Decompressor(Protocol):
    """One stream of compressed data, as ``bz2`` and ``lzma`` have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _GzipDecompressor:
    """The same for gzip."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        # Where the output was cut, there may be more of it without any input.
        return not self._full and not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        piece = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self._full = len(piece) == max_length
        return piece


def _xz() -> _Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY_BYTES)


def _zstd() -> _Decompressor:
    window = MEMORY_BYTES.bit_length() - 1
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: window})


_DECOMPRESSORS: dict[Compression, Callable[[], _Decompressor]] = {
    Compression.GZIP: _GzipDecompressor,
    Compression.BZIP2: bz2.BZ2Decompressor,
    Compression.XZ: _xz,
    Compression.ZSTD: _zstd,
}

_FAILURES = (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, EOFError, ValueError)


def detect(head: bytes) -> Compression:
    """Tell by its first bytes how a layer is compressed: six of them are enough."""
    for compression, magic in _MAGIC.items():
        if head.startswith(magic):
            return compression
    return Compression.PLAIN


def peek(chunks: Iterable[bytes]) -> tuple[Compression, Iterator[bytes]]:
    """Tell how a layer is compressed, and give its chunks, the first ones included."""
    coming = iter(chunks)
    head = b""
    for chunk in coming:
        head += chunk
        if len(head) >= _MAGIC_BYTES:
            break
    return detect(head), chain([head] if head else [], coming)


def decompress(chunks: Iterable[bytes], limit: int = LIMIT_BYTES) -> Iterator[bytes]:
    """Give the bytes of a layer, decompressed if need be.

    Several streams, one behind another, are one. An error of ``chunks`` passes through as it is.

    :param limit: how many bytes may come.
    :raises LayerInvalid: the data is damaged or cut off, or more than ``limit``.
    """
    compression, coming = peek(chunks)
    new = _DECOMPRESSORS.get(compression)
    total = 0
    for piece in coming if new is None else _pieces(coming, new, compression):
        total += len(piece)
        if total > limit:
            raise LayerInvalid(f"it has more than {limit} bytes when decompressed")
        yield piece


def _pieces(
    chunks: Iterator[bytes], new: Callable[[], _Decompressor], compression: Compression
) -> Iterator[bytes]:
    stream = _Streams(new, compression)
    for chunk in chunks:
        piece = stream.feed(chunk)
        while piece is not None:
            if piece:
                yield piece
            piece = stream.more()
    if stream.is_open:
        raise LayerInvalid(f"its {compression} data is cut off")


class _Streams:
    """Streams of one compression, one behind another.

    :ivar is_open: whether a stream has begun and not ended.
    """

    def __init__(self, new: Callable[[], _Decompressor], compression: Compression) -> None:
        self.is_open = False
        self._new = new
        self._compression = compression
        self._decompressor = new()

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes and give what comes of them first."""
        if not self.is_open:
            # xz pads its streams with zeros, and tape drives their blocks.
            data = data.lstrip(b"\0")
            if not data:
                return None
            self._decompressor = self._new()
            self.is_open = True
        try:
            return self._decompressor.decompress(data, PIECE_BYTES)
        except _FAILURES as error:
            raise LayerInvalid(f"its {self._compression} data is damaged ({error})") from error

    def more(self) -> bytes | None:
        """Give what else comes of the bytes so far; ``None`` if nothing does."""
        if not self._decompressor.eof:
            return None if self._decompressor.needs_input else self.feed(b"")
        if not self.is_open:
            return None
        self.is_open = False
        return self.feed(self._decompressor.unused_data)
