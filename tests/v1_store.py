"""Lays down images in a storage as docker-registry 0.9 did."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from docker_registry.drivers.base import Driver


def id_of(name: str) -> str:
    """Make up an image's id."""
    return hashlib.sha256(name.encode()).hexdigest()


class V1Store:
    """The tree of ``images/`` and ``repositories/``."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    def image(
        self,
        name: str,
        parent: str | None = None,
        layer: bytes = b"",
        without: tuple[str, ...] = (),
        **facts: Any,
    ) -> str:
        """Store an image, complete, and give its id.

        :param name: what the id is made of; ``parent`` likewise.
        :param without: files of it that are left out.
        """
        document = self.document(name, parent, **facts)
        content = json.dumps(document).encode()
        image = document["id"]
        checksum = "sha256:" + hashlib.sha256(content + b"\n" + layer).hexdigest()
        files = {
            "json": content,
            "layer": layer,
            "ancestry": json.dumps(self.ancestry(image, document.get("parent"))).encode(),
            "_checksum": json.dumps([checksum]).encode(),
        }
        for file, data in files.items():
            if file in without:
                continue
            path = f"images/{image}/{file}"
            if file == "layer":
                self.driver.write(f"scratch/{image}", [data], path)
            else:
                self.driver.put_content(path, data)
        return image

    def document(self, name: str, parent: str | None, **facts: Any) -> dict[str, Any]:
        """Give the JSON of an image as Docker 1.0 sent it."""
        command = ["/bin/sh", "-c", f"#(nop) {name}"]
        return {
            "id": id_of(name),
            **({"parent": id_of(parent)} if parent else {}),
            "created": "2014-06-04T12:00:00.123456789Z",
            "container": id_of(f"container of {name}"),
            "container_config": {"Hostname": "build", "Cmd": command, "Env": None},
            "docker_version": "1.0.0",
            "author": "A. U. Thor",
            "config": {"Cmd": ["/bin/sh"], "Env": ["A=b"], "Image": "", "PortSpecs": None},
            "architecture": "amd64",
            "os": "linux",
            "Size": 1234,
            **facts,
        }

    def ancestry(self, image: str, parent: str | None) -> list[str]:
        """Give the ids of an image and those below, as the parent's list has them."""
        if parent is None:
            return [image]
        try:
            below = json.loads(self.driver.get_content(f"images/{parent}/ancestry"))
        except Exception:
            below = [parent]
        return [image, *below]

    def tag(self, directory: str, tag: str, image: str) -> None:
        """Point a tag to an image; the directory is ``namespace/repository``, quoted."""
        base = f"repositories/{directory}"
        self.driver.put_content(f"{base}/tag_{tag}", image.encode())
        self.driver.put_content(f"{base}/tag{tag}_json", b'{"os": "linux"}')
        self.driver.put_content(f"{base}/_index_images", json.dumps([{"id": image}]).encode())
