"""The checksums of V1: of the payload, and the older tarsum."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from docker_registry.legacy.compression import LIMIT_BYTES, decompress
from docker_registry.legacy.tarball import Member, members


class PayloadChecksum:
    """The SHA-256 of an image's JSON, a newline, and its layer.

    What Docker 0.10 and later send as ``X-Docker-Checksum-Payload``.

    :param json: the image's JSON, byte for byte as stored.
    """

    def __init__(self, json: bytes) -> None:
        self._running = hashlib.sha256(json + b"\n")

    def watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on the bytes of the layer as stored, and add them."""
        for chunk in chunks:
            self._running.update(chunk)
            yield chunk

    def value(self) -> str:
        """Give the checksum of what came so far, as ``sha256:…``."""
        return f"sha256:{self._running.hexdigest()}"


def payload_checksum(json: bytes, layer: Iterable[bytes]) -> str:
    """Read a layer, as stored, and give the checksum of its image, as ``sha256:…``."""
    checksum = PayloadChecksum(json)
    for _ in checksum.watch(layer):
        continue
    return checksum.value()


def tarsum(json: bytes, layer: Iterable[bytes], limit: int = LIMIT_BYTES) -> str:
    """Read a layer and give the checksum that does without the order of its files.

    What Docker before 0.10 sends as ``X-Docker-Checksum``, and registries before 0.9 compute:
    ``tarsum+sha256:…``.

    :param json: the image's JSON, byte for byte as stored.
    :param layer: its bytes as stored, compressed or not.
    :param limit: how many bytes it may have when decompressed.
    :raises LayerInvalid: it can't be read as a tar archive.
    """
    sums = sorted(_sum(member) for member in members(decompress(layer, limit)))
    total = hashlib.sha256(json)
    for one in sums:
        total.update(one)
    return f"tarsum+sha256:{total.hexdigest()}"


def _sum(member: Member) -> bytes:
    running = hashlib.sha256(_fields(member))
    for chunk in member.content():
        running.update(chunk)
    return running.hexdigest().encode()


def _fields(member: Member) -> bytes:
    header = member.header
    name = header.name
    if header.isdir() and not name.endswith("/"):
        name += "/"
    fields: dict[str, str | int] = {
        "name": name,
        "mode": header.mode,
        "uid": header.uid,
        "gid": header.gid,
        "size": header.size,
        "mtime": int(header.mtime),
        "typeflag": header.type.decode("latin-1"),
        "linkname": header.linkname,
        "uname": header.uname,
        "gname": header.gname,
        "devmajor": header.devmajor,
        "devminor": header.devminor,
    }
    text = "".join(f"{field}{value}" for field, value in fields.items())
    return text.encode("utf-8", "surrogateescape")
