"""What earlier runs learnt and did, as it is stored.

::

    docker/registry/ours/migration/
    ├── images/<id>.json                    what was learnt of an image's layer
    └── tags/<name>/_tags/<tag>.json        which manifests the migration pointed a tag to

No component of a repository's name begins with an underscore, so that nested ones never meet it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from docker_registry.drivers.base import Driver
from docker_registry.errors import DigestInvalid, PathNotFound
from docker_registry.legacy.compression import Compression
from docker_registry.legacy.errors import ImageIdInvalid
from docker_registry.legacy.migration.outcome import Source, Target
from docker_registry.legacy.names import ImageId
from docker_registry.registry.layout import OURS
from docker_registry.registry.names import Digest

#: Layers that stay as they are: all clients take them. Others are compressed anew, with gzip.
KEPT = frozenset({Compression.PLAIN, Compression.GZIP})

IMAGES = f"{OURS}/migration/images"
TAGS = f"{OURS}/migration/tags"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, and the blob that it becomes.

    :ivar source_size: of the layer as V1 has it, in bytes.
    :ivar checksums: that V1 had of the image when the layer was read.
    :ivar diff_id: digest of the archive, not compressed.
    :ivar blob: digest of the blob.
    :ivar size: of the blob, in bytes.
    :ivar compression: of the layer as V1 has it.
    :ivar is_empty: whether nothing is in it, so that no blob is needed.
    """

    source_size: int
    checksums: tuple[str, ...]
    diff_id: Digest
    blob: Digest
    size: int
    compression: Compression
    is_empty: bool

    @property
    def is_recompressed(self) -> bool:
        """Whether the blob has other bytes than the layer: see ``KEPT``."""
        return not self.is_empty and self.compression not in KEPT


class LayerRecords:
    """What was learnt of the layers of images."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def get(self, image: ImageId) -> Layer | None:
        """Give what is known of an image's layer."""
        record = _read(self._driver, _image(image))
        try:
            return Layer(
                int(record["source_size"]),
                tuple(map(str, record["checksums"])),
                Digest.parse(record["diff_id"]),
                Digest.parse(record["blob"]),
                int(record["size"]),
                Compression(record["compression"]),
                bool(record["is_empty"]),
            )
        except (KeyError, TypeError, ValueError, DigestInvalid):
            return None

    def put(self, image: ImageId, layer: Layer) -> None:
        """Note what is known of an image's layer."""
        self._driver.put_content(_image(image), json.dumps(asdict(layer)).encode())

    def delete(self, image: ImageId) -> None:
        """Forget an image."""
        with suppress(PathNotFound):
            self._driver.delete(_image(image))

    def iterate(self) -> Iterator[ImageId]:
        """Give the images of which something is known."""
        for name in self._driver.iterate(IMAGES):
            try:
                yield ImageId.parse(name.removesuffix(".json"))
            except ImageIdInvalid:
                continue


class TagRecords:
    """Which manifests the migration pointed tags to: what else they point to is others' doing."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def digests(self, target: Target, source: Source) -> list[str]:
        """Give the manifests that a tag was pointed to for the sake of a tag of V1."""
        record = _read(self._driver, _tag(target))
        if record.get("source") != source.tag.path:
            return []
        return [str(digest) for digest in record.get("digests", [])]

    def add(self, target: Target, source: Source, digest: Digest) -> None:
        """Note that a tag is about to be pointed to a manifest."""
        known = self.digests(target, source)
        if digest in known:
            return
        record = {"source": source.tag.path, "digests": [*known, digest]}
        self._driver.put_content(_tag(target), json.dumps(record).encode())


def _image(image: ImageId) -> str:
    return f"{IMAGES}/{image}.json"


def _tag(target: Target) -> str:
    return f"{TAGS}/{target.repository}/_tags/{target.tag}.json"


def _read(driver: Driver, path: str) -> dict[str, Any]:
    """Give a record; an empty one if there is none that can be read."""
    try:
        record = json.loads(driver.get_content(path))
    except (PathNotFound, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}
