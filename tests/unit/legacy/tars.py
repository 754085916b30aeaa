"""Tar archives of all kinds, in memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable

from backports import zstd

#: How a layer can be compressed.
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, **fields) -> tarfile.TarInfo:
    """Give a member with some fields set."""
    header = tarfile.TarInfo(name)
    header.type, header.size = kind, size
    for field, value in fields.items():
        setattr(header, field, value)
    return header


def tar(*members: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes], form=tarfile.PAX_FORMAT):
    """Give an archive of members, those with content as pairs."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=form) as writer:
        for one in members:
            header, content = one if isinstance(one, tuple) else (one, b"")
            if content:
                header.size = len(content)
            writer.addfile(header, io.BytesIO(content))
    return archive.getvalue()


def raw(header: tarfile.TarInfo, payload: bytes = b"") -> bytes:
    """Give one header block, and a payload filled up to whole blocks, whatever the header says."""
    return header.tobuf(tarfile.USTAR_FORMAT) + payload.ljust(-(-len(payload) // 512) * 512, b"\0")
