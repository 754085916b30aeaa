"""``docker-registry migrate`` is killed again and again, while a registry serves the same store."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import requests

from docker_registry.drivers.local import LocalDriver
from docker_registry.legacy.images import Images
from tests import images
from tests.servers import RegistryServer
from tests.v1_store import V1Store

TAGS = 40
#: After how many lines of its output it is killed: one a tag, and one more for what it removes.
DEATHS = (1, 12, 23, 34)


def lay_down(store: Path) -> dict[str, list[bytes]]:
    """Store images as 0.9 would, and give each repository's layers."""
    v1 = V1Store(LocalDriver(store, fsync=False))
    layers = {}
    base = images.tar_of({"base": images.noise("base", 5 * images.MIB)})
    v1.image("base", layer=base)
    for number in range(TAGS):
        name = f"app-{number}"
        layer = images.tar_of({name: images.noise(name, images.MIB // 2)})
        v1.tag(f"team/{name}", "v1", v1.image(name, "base", layer=layer))
        layers[f"team/{name}"] = [base, layer]
    return layers


def start(registry: RegistryServer, *arguments: str) -> subprocess.Popen[bytes]:
    program = Path(sys.executable).with_name("docker-registry")
    return subprocess.Popen(
        [program, "migrate", *arguments],
        env={**registry.environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def kill_after(registry: RegistryServer, lines: int, *arguments: str) -> None:
    """Run the command, and kill it some milliseconds after it said so much."""
    with start(registry, *arguments) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        assert b"removed\n" in said[-1] or b"migrated\n" in said[-1] or b"there\n" in said[-1]
        time.sleep(random.uniform(0, 0.02))
        process.kill()


def finish(registry: RegistryServer, *arguments: str) -> str:
    with start(registry, *arguments) as process:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output.decode()
        return output.decode()


def check_what_is_there(registry: RegistryServer, layers: dict[str, list[bytes]]) -> int:
    """Pull each tag that is there, whole, and give their number."""
    pulled = 0
    for repository, wanted in layers.items():
        base = f"{registry.url}/v2/{repository}"
        answer = requests.get(f"{base}/manifests/v1", timeout=10)
        if answer.status_code == 404:
            continue
        pulled += 1
        manifest = answer.json()
        assert [layer["digest"] for layer in manifest["layers"]] == list(
            map(images.digest_of, wanted)
        )
        for blob in (manifest["config"], manifest["layers"][1]):
            content = requests.get(f"{base}/blobs/{blob['digest']}", timeout=10).content
            assert images.digest_of(content) == blob["digest"]
    return pulled


def check_v1(registry: RegistryServer) -> None:
    """No image of V1 is there without its layer, or without those it is built on."""
    v1 = Images(LocalDriver(registry.store))
    for image in v1.iterate():
        if v1.exists(image):
            assert all(v1.layer_size(one) > 0 for one in v1.ancestry(image))


def test_killed_while_it_migrates_and_while_it_removes(registry: RegistryServer) -> None:
    layers = lay_down(registry.store)
    for lines in DEATHS:
        kill_after(registry, lines)
        assert lines <= check_what_is_there(registry, layers) < TAGS
    assert f"{TAGS} tags: " in finish(registry)
    assert check_what_is_there(registry, layers) == TAGS
    # Each time fewer are left.
    for lines in (*DEATHS[:2], *DEATHS[:2], TAGS + 30):
        kill_after(registry, lines, "--remove")
        check_v1(registry)
    finish(registry, "--remove")
    assert not (registry.store / "images").exists()
    assert not (registry.store / "repositories").exists()
    assert check_what_is_there(registry, layers) == TAGS
