"""What tests of outages have in common: patient clients, and healing."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import images
from tests.faults.client import Client, manifest_of
from tests.images import digest_of
from tests.servers import RegistryServer


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.2)


def heal(registry: RegistryServer) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("docker-registry")), "heal"]
    return subprocess.run(
        command, env=registry.environment(), capture_output=True, text=True, check=False
    )


def push(client: Client, name: str) -> bytes:
    """Push an image as Docker does, from its start again after a 503, and give its layer."""
    layer = images.noise(name, 3 * images.MIB)
    for _ in range(20):
        answer = client.push_image(layer, name)
        if answer.status_code == 201:
            return layer
        assert answer.status_code == 503, answer.text
        time.sleep(0.5)
    pytest.fail(f"{name} can't be pushed: {answer.text}")


def tag_of(client: Client, tag: str) -> str | None:
    return client.digest_at(f"manifests/{tag}")


def push_to(client: Client, tag: str, content: str) -> str:
    """Push other content under a tag, and give the digest of its manifest."""
    layer = images.noise(content, 1000)
    answer = client.push_image(layer, tag)
    assert answer.status_code == 201, answer.text
    return digest_of(manifest_of(layer))
