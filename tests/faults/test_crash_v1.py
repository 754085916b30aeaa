"""The server is killed while images of V1 are pushed: others go on, a second try comes through."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.clients.daemon import Daemon, Layer, Refused, chain
from tests.conftest import ServerFactory
from tests.faults.client import files_below
from tests.faults.raw import Connection
from tests.images import MIB
from tests.servers import RegistryServer

#: Kills in the storm, and the time from a start of the server to its end, in seconds.
ROUNDS, SECONDS = 5, (0.02, 0.4)


def test_a_kill_in_the_middle_of_a_layer(start_registry: ServerFactory) -> None:
    server = start_registry()
    whole, cut = chain("whole", size=4 * MIB), chain("whole", "cut", size=4 * MIB)
    with Daemon(server.url) as daemon:
        daemon.push("team/app", whole, "latest")
        daemon.begin_layer(cut[1])
        with Connection(server.port) as connection:
            path = f"/v1/images/{cut[1].id}/layer"
            connection.request("PUT", path, "Transfer-Encoding: chunked")
            connection.chunk(cut[1].tar[: 3 * MIB])
            # Until it has come, and is being written.
            while not any(path.stat().st_size for path in files_below(server.store / ".tmp")):
                time.sleep(0.01)
            assert daemon.pull("team/app") == whole
            server.kill()
        server.start()
        assert daemon.pull("team/app") == whole
        unfinished = requests.get(f"{server.url}/v1/images/{cut[1].id}/layer", timeout=30)
        assert unfinished.json()["error"] == "Image is being uploaded, retry later"
        with pytest.raises(Refused, match="retry later"):
            daemon.put_tag("team/app", cut[1], "latest")
        daemon.pushed.clear()
        daemon.push("team/app", cut, "latest")
        assert daemon.pushed == [cut[1].id]
        assert daemon.pull("team/app") == cut


def test_kills_at_random_instants_of_pushes(start_registry: ServerFactory) -> None:
    server = start_registry()
    images = [chain("base", f"top-{number}", size=MIB) for number in range(ROUNDS * 4)]
    promised: dict[str, list[Layer]] = {}
    for start in range(0, len(images), 4):
        with ThreadPoolExecutor(4) as pool:
            pushes = [
                pool.submit(_push, server, f"team/app{n}", images[n], promised)
                for n in range(start, start + 4)
            ]
            time.sleep(random.uniform(*SECONDS))
            server.kill()
            for push in pushes:
                push.result()
        server.start()
        _check(server, promised)
    with Daemon(server.url) as daemon:
        for number, layers in enumerate(images):
            daemon.push(f"team/app{number}", layers, "latest")
            assert daemon.pull(f"team/app{number}") == layers
    # A kill just after an image became complete leaves when it was begun; the purge takes that.
    left = list(files_below(server.store / "docker/registry/ours/v1/pushes"))
    assert {file.name for file in left} <= {"begun"}
    assert not list(server.store.glob("images/*/_inprogress"))


def _push(
    server: RegistryServer, repository: str, layers: list[Layer], promised: dict[str, list[Layer]]
) -> None:
    """Push until the server is killed; remember what it said is done."""
    try:
        with Daemon(server.url) as daemon:
            for attempt in range(3):
                try:
                    daemon.push(repository, layers, "latest")
                except Refused as refused:
                    # Another one was pushing the same base.
                    assert refused.status == 409 and attempt < 2, refused
                else:
                    promised[repository] = layers
                    return
    except requests.RequestException:
        return


def _check(server: RegistryServer, promised: dict[str, list[Layer]]) -> None:
    """All that was promised can be pulled, and all else that has a tag."""
    with Daemon(server.url) as daemon:
        for repository, layers in promised.items():
            assert daemon.pull(repository) == layers
        for tag in (server.store / "repositories").glob("*/*/tag_*"):
            daemon.pull(f"team/{tag.parent.name}")
