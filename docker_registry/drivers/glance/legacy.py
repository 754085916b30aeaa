"""Layers that docker-registry before 0.10 kept in Glance, by its API of version 1.

Each is an image. What else belongs below ``images/<id>/`` is in its properties, as text; all other
paths were another driver's already. The Docker id was a property too, called ``id``, which version
2 of the API never shows, since an image has an ``id`` of its own: it is in the JSON as well.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from docker_registry.drivers.base import Driver, Stray
from docker_registry.drivers.glance import naming
from docker_registry.drivers.glance.client import PATH, STAMP, STORE, Image, Images, stamp_of
from docker_registry.drivers.glance.reader import GlanceReader
from docker_registry.errors import PathNotFound

#: Properties of 0.9, and which file of an image each holds. The JSON is last: there is no image
#: without it, so none is seen before all of it is there.
FILES = {"meta__checksum": "_checksum", "meta_ancestry": "ancestry", "meta_json": "json"}
JSON = "meta_json"
#: What 0.9 marks an image with until its client has confirmed the checksum.
IN_PROGRESS = "meta__inprogress"

_IMAGE_ID = re.compile(r"[0-9a-f]{16}(?:[0-9a-f]{48})?")


class LegacyLayers:
    """The images of 0.9 in a project. Its properties, and the data, stay as they are.

    An image is adopted by labels like those that ours have, after its ancestry and checksum are in
    their files, and before its JSON is.

    :param home: where those files go.
    """

    def __init__(self, images: Images, home: Driver) -> None:
        self._images = images
        self._home = home

    def strays(self) -> Iterator[Stray]:
        """Give each image that is not adopted, or not wholly."""
        whole: dict[str, list[Image]] = defaultdict(list)
        for image in self._images.of_project():
            # What has none of them is ours, or a `docker save` by Nova, which is another matter.
            if not image.keys() & {*FILES, IN_PROGRESS}:
                continue
            fault = self._fault(image)
            if fault:
                yield self._stray(image, fault)
            else:
                whole[_docker_id(image)].append(image)
        for found in whole.values():
            yield from self._of_one(found)

    def _fault(self, image: Image) -> str:
        """Tell what is wrong with an image by itself; nothing if it is whole."""
        if PATH in image and image.get(STORE) != self._images.store.name:
            return f"it belongs to the registry with the storage_path {image.get(STORE)!r}"
        if image["status"] != "active":
            return f"its status is {image['status']!r}: there are no data, or nobody may read them"
        if IN_PROGRESS in image:
            return "its push was never completed"
        if not _docker_id(image):
            return f"its property {JSON} is not the JSON of an image: it is missing, or was cut off"
        return ""

    def _of_one(self, found: list[Image]) -> Iterator[Stray]:
        """Give what is to be done with all images of one Docker id."""
        adopted = [image for image in found if PATH in image]
        chosen = adopted[0] if adopted else self._right(found)
        for image in found:
            if image is not chosen:
                yield self._stray(image, f"Glance image {chosen['id']} is preferred")
        if chosen not in adopted:
            yield self._stray(chosen, self._obstacle(chosen))
        elif self._read(_path(chosen, "json")) is None:
            yield self._stray(chosen, "")

    def _right(self, found: list[Image]) -> Image:
        """Give the one that has the checksum it should have; else the newest, as 0.9 did.

        They are only read if they differ.
        """
        newest = sorted(found, key=lambda image: str(image["created_at"]), reverse=True)
        if len({(image[JSON], image["size"], image.get("checksum")) for image in found}) > 1:
            return next(filter(self._has_its_checksum, newest), newest[0])
        return newest[0]

    def _has_its_checksum(self, image: Image) -> bool:
        sha256 = hashlib.sha256(image[JSON].encode() + b"\n")
        with (
            suppress(PathNotFound),
            GlanceReader(self._images, image["id"], int(image["size"]), 0, None) as reader,
        ):
            for chunk in reader:
                sha256.update(chunk)
            return f"sha256:{sha256.hexdigest()}" in image.get("meta__checksum", "")
        return False

    def _obstacle(self, image: Image) -> str:
        """Tell what there is already that keeps a whole image from being adopted."""
        if self._exists(_path(image, "layer")):
            return "there is a layer at its path already, which somebody pushed since"
        if self._exists(_path(image, "_inprogress")):
            return "somebody is pushing it anew, or has given that up"
        for path, data in _files(image).items():
            if self._read(path) not in (None, data):
                return f"{path} is there already, and something else: remove it if it is wrong"
        return ""

    def _stray(self, image: Image, obstacle: str) -> Stray:
        path = _path(image, "layer") if _docker_id(image) else ""
        return Stray(f"Glance image {image['id']}", path, obstacle, partial(self._adopt, image))

    def _adopt(self, image: Image) -> None:
        *before, (json_path, document) = _files(image).items()
        for path, data in before:
            self._put(path, data)
        path = _path(image, "layer")
        labels = {
            STORE: self._images.store.name,
            PATH: path,
            # Older than what anybody pushes there at the same time.
            STAMP: stamp_of(image),
        }
        tags = sorted({*image["tags"], *naming.tags(path)})
        self._images.update(image["id"], tags=tags, **labels)
        self._put(json_path, document)

    def _put(self, path: str, data: bytes) -> None:
        if self._read(path) is None:
            self._home.put_content(path, data)

    def _read(self, path: str) -> bytes | None:
        with suppress(PathNotFound):
            return self._home.get_content(path)
        return None

    def _exists(self, path: str) -> bool:
        with suppress(PathNotFound):
            self._home.stat(path)
            return True
        return False


def _docker_id(image: Image) -> str:
    """Give the id that Docker knows an image by; empty if its JSON can't be read."""
    try:
        document = json.loads(image.get(JSON, ""))
    except (ValueError, RecursionError):
        return ""
    found = document.get("id") if isinstance(document, dict) else None
    return found if isinstance(found, str) and _IMAGE_ID.fullmatch(found) else ""


def _path(image: Image, file: str) -> str:
    return f"images/{_docker_id(image)}/{file}"


def _files(image: Image) -> dict[str, bytes]:
    """Give the files of an image that 0.9 kept in properties, in the order to store them."""
    return {
        _path(image, file): image[name].encode() for name, file in FILES.items() if image.get(name)
    }
