"""The documents of a Docker image, made of those of V1.

Sources: Docker's image specification 1.2 (the config), and image manifest version 2, schema 2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from docker_registry.legacy.compression import Compression
from docker_registry.legacy.migration.outcome import NotMigrated
from docker_registry.legacy.migration.records import Layer
from docker_registry.registry.manifest import DOCKER_MANIFEST, Manifest
from docker_registry.registry.names import Digest

CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar"
LAYER_GZIP = f"{LAYER}.gzip"

#: What a config takes from the JSON of the topmost image, and what kind of value it has there.
_KEPT: dict[str, type] = {
    "author": str,
    "container": str,
    "docker_version": str,
    "config": dict,
    "container_config": dict,
}

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)

#: An image's part of the history.
History = dict[str, str]


def history_of(document: dict[str, Any]) -> History:
    """Give what the history of an image says of one of those that it is built on."""
    command = _dict(document.get("container_config")).get("Cmd")
    words = command if isinstance(command, list) else []
    entry = {
        "created": _time(document),
        "created_by": " ".join(map(str, words)),
        "author": document.get("author"),
        "comment": document.get("comment"),
    }
    return {key: value for key, value in entry.items() if isinstance(value, str) and value}


def config_of(top: dict[str, Any], line: Sequence[tuple[History, Layer]]) -> bytes:
    """Give the config of an image.

    :param top: the JSON of the topmost image.
    :param line: history and layer of each image, the base first.
    :raises NotMigrated: the JSON has values that no JSON can have.
    """
    kept = {key: top[key] for key, kind in _KEPT.items() if isinstance(top.get(key), kind)}
    config = {
        "architecture": _text(top.get("architecture"), "amd64"),
        "os": _text(top.get("os"), "linux"),
        "config": {},
        **kept,
        **({"created": time} if (time := _time(top)) else {}),
        "history": [
            {**history, **({"empty_layer": True} if layer.is_empty else {})}
            for history, layer in line
        ],
        "rootfs": {
            "type": "layers",
            "diff_ids": [layer.diff_id for _, layer in line if not layer.is_empty],
        },
    }
    try:
        return json.dumps(config, allow_nan=False).encode()
    except ValueError as error:
        raise NotMigrated(f"the image's JSON can't be written again: {error}") from error


def manifest_of(config: bytes, layers: Sequence[Layer]) -> Manifest:
    """Give the manifest of an image, the layer of the base first."""
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {"mediaType": CONFIG, "size": len(config), "digest": Digest.of(config)},
        "layers": [
            {
                "mediaType": LAYER if layer.compression is Compression.PLAIN else LAYER_GZIP,
                "size": layer.size,
                "digest": layer.blob,
            }
            for layer in layers
            if not layer.is_empty
        ],
    }
    content = json.dumps(document).encode()
    return Manifest.parse(content, Digest.of(content))


def _time(document: dict[str, Any]) -> str | None:
    """Give when an image was made; ``None`` if clients couldn't read it (RFC 3339)."""
    created = document.get("created")
    if not isinstance(created, str) or not _TIME.fullmatch(created):
        return None
    try:
        datetime.fromisoformat(created)
    except ValueError:
        return None
    return created


def _text(value: Any, default: str) -> str:
    return value if isinstance(value, str) and value else default


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
