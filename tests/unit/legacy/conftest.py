from __future__ import annotations

import json
from pathlib import Path

import pytest

from docker_registry.drivers.base import Driver
from docker_registry.drivers.local import LocalDriver
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.legacy.names import ImageId


@pytest.fixture(params=["memory", "local"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    return MemoryDriver() if request.param == "memory" else LocalDriver(tmp_path, fsync=False)


def image_id(number: int) -> ImageId:
    return ImageId.parse(f"{number:064x}")


def lay_down(
    driver: Driver, image: ImageId, parent: ImageId | None = None, layer: bytes = b"layer"
) -> None:
    """Store a complete image as 0.9 would, but for what some versions leave out."""
    document = {"id": image, **({"parent": parent} if parent else {})}
    driver.put_content(f"images/{image}/json", json.dumps(document).encode())
    driver.put_content(f"images/{image}/layer", layer)
