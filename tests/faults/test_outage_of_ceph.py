"""Ceph's gateway is killed under a registry that has a directory as its alternate."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from tests import images
from tests.faults.client import Client, manifest_of
from tests.faults.outage import heal, push, push_to, tag_of, until
from tests.images import digest_of
from tests.servers import RegistryServer
from tests.tools import Stack

JOURNAL = "docker/registry/ours/journal"


@pytest.fixture(scope="module")
def ceph() -> Iterator[Stack]:
    with Stack("ceph") as stack:
        yield stack


@pytest.fixture
def registry(ceph: Stack, tmp_path: Path) -> Iterator[RegistryServer]:
    url = urlsplit(ceph.environment["CEPH_S3_ENDPOINT"])
    server = RegistryServer(
        tmp_path / "registry",
        {
            "SETTINGS_FLAVOR": "ceph-s3",
            "STORAGE_PATH": "/outage",
            "STORAGE_ALTERNATE": "local",
            "STORAGE_ALTERNATE_PATH": str(tmp_path / "alternate"),
            "STORAGE_READ_TIMEOUT": "3",
            "AWS_HOST": str(url.hostname),
            "AWS_PORT": str(url.port),
            "AWS_BUCKET": ceph.environment["CEPH_S3_BUCKET"],
            "AWS_KEY": ceph.environment["CEPH_S3_ACCESS_KEY"],
            "AWS_SECRET": ceph.environment["CEPH_S3_SECRET_KEY"],
        },
    )
    server.start()
    yield server
    server.stop()


def test_four_clients_push_while_the_gateway_dies_and_comes_back(
    ceph: Stack, registry: RegistryServer, tmp_path: Path
) -> None:
    with Client(registry.url, "team/before") as client:
        old = push(client, "old")
        first = push(client, "moved")
    pushed: dict[str, list[str]] = {}
    stop = threading.Event()

    def work(who: int) -> None:
        done = pushed.setdefault(f"team/app-{who}", [])
        with Client(registry.url, f"team/app-{who}") as client:
            while not stop.is_set():
                name = f"image-{who}-{len(done)}"
                layer = push(client, name)
                got = client.get(f"blobs/{digest_of(layer)}")
                assert got.status_code in (200, 503), got.text
                assert got.status_code == 503 or got.content == layer
                done.append(name)

    workers = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for worker in workers:
        worker.start()
    until(lambda: all(len(done) >= 2 for done in list(pushed.values())) and len(pushed) == 4)
    ceph("kill", "rgw")
    counts = {name: len(done) for name, done in pushed.items()}
    until(lambda: all(len(done) >= counts[name] + 3 for name, done in pushed.items()), 120)

    with Client(registry.url, "team/before") as client:
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["storage"]["s3"] == "unavailable"
        for path in (f"blobs/{digest_of(old)}", "manifests/old", "manifests/never-was"):
            answer = client.get(path)
            assert answer.status_code == 503, path
            assert answer.json()["errors"][0]["code"] == "UNAVAILABLE"
            assert answer.headers["Retry-After"]
        second = push_to(client, "moved", "moved again")
        assert tag_of(client, "moved") == second
        assert second != digest_of(manifest_of(first))

    ceph("start", "rgw")
    with Client(registry.url, "team/before") as client:
        until(lambda: client.get("manifests/old").status_code == 200)
        assert tag_of(client, "moved") == second
    stop.set()
    for worker in workers:
        worker.join(120)
        assert not worker.is_alive()

    until(lambda: heal(registry).returncode == 0)
    alternate = tmp_path / "alternate"
    assert not list((alternate / JOURNAL).rglob("@*"))
    assert not list(alternate.rglob("data"))
    with Client(registry.url, "team/before") as client:
        assert tag_of(client, "moved") == second
        # Each worker sees for itself, when it next looks.
        until(lambda: client.get("/health/ready").json()["status"] == "ok")
    bucket = boto3.resource(
        "s3",
        endpoint_url=ceph.environment["CEPH_S3_ENDPOINT"],
        aws_access_key_id=ceph.environment["CEPH_S3_ACCESS_KEY"],
        aws_secret_access_key=ceph.environment["CEPH_S3_SECRET_KEY"],
        region_name="us-east-1",
    ).Bucket(ceph.environment["CEPH_S3_BUCKET"])
    for repository, names in pushed.items():
        for name in names:
            digest = digest_of(images.noise(name, 3 * images.MIB))
            value = digest.removeprefix("sha256:")
            key = f"outage/docker/registry/v2/blobs/sha256/{value[:2]}/{value}/data"
            assert digest_of(bucket.Object(key).get()["Body"].read()) == digest, (repository, name)


def test_a_gateway_that_hangs_costs_a_time_out_and_no_more(
    ceph: Stack, registry: RegistryServer
) -> None:
    with Client(registry.url, "team/hanging") as client:
        push(client, "before")
        ceph("kill", "osd")
        try:
            began = time.monotonic()
            push(client, "during")
            assert time.monotonic() - began < 60
            began = time.monotonic()
            push(client, "at-once")
            assert time.monotonic() - began < 20
        finally:
            ceph("start", "osd")
        until(lambda: heal(registry).returncode == 0, 120)
        # The worker that has this connection sees for itself, when it next looks.
        until(lambda: client.get("manifests/during").status_code == 200)
        assert client.digest_at("manifests/during") is not None
