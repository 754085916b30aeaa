"""Groups of Elliptics are lost under a registry that has a directory as its alternate."""

from __future__ import annotations

from pathlib import Path

from tests.clients import flavors
from tests.elliptics.server import Cluster
from tests.faults.client import Client
from tests.faults.outage import heal, push, push_to, tag_of, until
from tests.images import digest_of


def test_groups_are_lost_and_come_back(tmp_path: Path) -> None:
    with Cluster({1: [1], 2: [2], 3: [3]}) as cluster:
        variables = {
            "SETTINGS_FLAVOR": "elliptics",
            "ELLIPTICS_NODES": ", ".join(f"{one.host}:{one.port}:2" for one in cluster.addresses),
            "ELLIPTICS_GROUPS": "[1, 2, 3]",
            "STORAGE_ALTERNATE": "local",
            "STORAGE_ALTERNATE_PATH": str(tmp_path / "alternate"),
            "STORAGE_READ_TIMEOUT": "5",
        }
        with (
            flavors.registries(variables, tmp_path) as [registry],
            Client(registry.url, "team/app") as client,
        ):
            before = push(client, "before")
            push_to(client, "moved", "as it was")

            # A quorum is left: nobody is to notice.
            cluster.nodes[1].stop()
            assert push(client, "by-two") and client.get("manifests/by-two").status_code == 200
            assert client.get("/health/ready").json()["storage"]["elliptics"] == "available"

            # One group can neither promise that a write is kept nor that a read is the last one.
            cluster.nodes[2].stop()
            during = push(client, "during")
            moved = push_to(client, "moved", "in the outage")
            assert client.get(f"blobs/{digest_of(during)}").content == during
            assert tag_of(client, "moved") == moved
            assert client.get("manifests/before").status_code == 503
            until(lambda: client.get("/health/ready").json()["status"] == "degraded")
            assert heal(registry).returncode != 0

            for node in (1, 2):
                cluster.nodes[node].start()
            until(lambda: heal(registry).returncode == 0)
            # The server looks every two seconds whether the groups are there again.
            until(lambda: client.get("/health/ready").json()["status"] == "ok")
            for layer in (before, during):
                got = client.get(f"blobs/{digest_of(layer)}")
                assert got.status_code == 200 and digest_of(got.content) == digest_of(layer)
            assert tag_of(client, "moved") == moved
            assert not list((tmp_path / "alternate").rglob("data"))
