"""What clients do at a registry: push and pull blobs and images, as Docker does."""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import requests

MIB = 1024 * 1024
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
#: How Docker's engine cuts a layer that it streams (Go's io.Copy).
PIECE_BYTES = 32 * 1024


class Registry:
    """A registry under measurement.

    :ivar url: without a slash at its end.
    """

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url.rstrip("/")

    def push(self, data: bytes, repository: str = "") -> str:
        """Push a blob as one streamed PATCH, into a repository of its own if none is named.

        Gives the blob's address.
        """
        digest = digest_of(data)
        place = f"{self.url}/v2/{repository or f'bench/{uuid.uuid4().hex}'}"
        with requests.Session() as session:
            started = session.post(f"{place}/blobs/uploads/")
            started.raise_for_status()
            headers = {"Content-Type": "application/octet-stream"}
            sent = session.patch(started.headers["Location"], data=pieces(data), headers=headers)
            sent.raise_for_status()
            location = sent.headers["Location"]
            mark = "&" if "?" in location else "?"
            session.put(f"{location}{mark}digest={digest}").raise_for_status()
        return f"{place}/blobs/{digest}"

    def push_image(self, layers: Iterable[bytes], repository: str, tag: str = "latest") -> str:
        """Push an image, three layers at a time, and give its manifest's digest."""
        layers = list(layers)
        config = json.dumps({"id": uuid.uuid4().hex}).encode()
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda data: self.push(data, repository), [*layers, config]))
        content = manifest(config, layers)
        requests.put(
            f"{self.url}/v2/{repository}/manifests/{tag}",
            data=content,
            headers={"Content-Type": MANIFEST},
        ).raise_for_status()
        return digest_of(content)

    def pull(self, address: str) -> None:
        """Read a blob to its end."""
        with requests.get(address, stream=True) as answer:
            answer.raise_for_status()
            while answer.raw.read(MIB):
                pass


def manifest(config: bytes, layers: Iterable[bytes]) -> bytes:
    """Give the manifest of an image."""

    def descriptor(media_type: str, data: bytes) -> dict[str, object]:
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, config),
            "layers": [descriptor(LAYER, data) for data in layers],
        }
    ).encode()


def pieces(data: bytes) -> Iterator[memoryview]:
    """Give bytes as Docker sends them: nobody is told how many there are."""
    view = memoryview(data)
    for offset in range(0, len(data), PIECE_BYTES):
        yield view[offset : offset + PIECE_BYTES]


def digest_of(data: bytes) -> str:
    """Give the digest of bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def noise(size: int) -> bytes:
    """Give bytes that no store has seen before: one block, marked anew."""
    return os.urandom(64) + bytes(size - 64)


def side_by_side(work: Callable[..., object], items: list[object]) -> None:
    """Do all at once."""
    with ThreadPoolExecutor(len(items)) as pool:
        list(pool.map(work, items))


def seconds(work: Callable[[], object]) -> float:
    """Give how long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
