"""The flavors on their real servers, by an operator's variables; and what each must do."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import requests

from docker_registry import drivers
from docker_registry.config import load
from docker_registry.drivers.base import Driver
from tests import images
from tests.clients.engine import build_image, files_in, image_id
from tests.proxy import FaultyProxy
from tests.servers import RegistryServer
from tests.tools import Tool, require_service

Environment = dict[str, str]

FILES = {"etc/os-release": b"NAME=flavor\n", "bin/noise": images.noise("flavor", 3 * images.MIB)}
LARGE = 64 * images.MIB


def ceph_s3() -> Environment:
    """Flavor ``ceph-s3``."""
    found = require_service("ceph")
    host, port = found["CEPH_S3_ENDPOINT"].removeprefix("http://").split(":")
    return {
        "SETTINGS_FLAVOR": "ceph-s3",
        "AWS_HOST": host,
        "AWS_PORT": port,
        "AWS_KEY": found["CEPH_S3_ACCESS_KEY"],
        "AWS_SECRET": found["CEPH_S3_SECRET_KEY"],
        "AWS_BUCKET": found["CEPH_S3_BUCKET"],
    }


def s3_over_tls() -> Environment:
    """Flavor ``s3`` with a store of one's own, and the credentials that the AWS SDKs look for."""
    found = require_service("ceph")
    host, port = found["CEPH_S3_TLS_ENDPOINT"].removeprefix("https://").split(":")
    return {
        "SETTINGS_FLAVOR": "s3",
        "AWS_HOST": host,
        "AWS_PORT": port,
        "AWS_REGION": "us-east-1",
        "AWS_ENCRYPT": "false",
        "AWS_CALLING_FORMAT": "boto.s3.connection.OrdinaryCallingFormat",
        "AWS_CA_BUNDLE": found["CEPH_S3_CA"],
        "AWS_ACCESS_KEY_ID": found["CEPH_S3_ACCESS_KEY"],
        "AWS_SECRET_ACCESS_KEY": found["CEPH_S3_SECRET_KEY"],
        "AWS_BUCKET": found["CEPH_S3_BUCKET"],
    }


def swift_of_ceph() -> Environment:
    """Flavor ``swift`` at Ceph's object gateway, with the login of version 1."""
    found = require_service("ceph")
    return {
        "SETTINGS_FLAVOR": "swift",
        "OS_IDENTITY_API_VERSION": "1",
        "OS_AUTH_URL": found["CEPH_SWIFT_AUTH_URL"],
        "OS_USERNAME": found["CEPH_SWIFT_USER"],
        "OS_PASSWORD": found["CEPH_SWIFT_KEY"],
        "OS_CONTAINER": "flavor-swift",
    }


def openstack(flavor: str) -> Environment:
    """Give the variables of an ``openrc``, and nothing else."""
    found = require_service("openstack")
    names = ("AUTH_URL", "USERNAME", "PASSWORD", "PROJECT_NAME", "REGION_NAME")
    domains = ("USER_DOMAIN_NAME", "PROJECT_DOMAIN_NAME", "INTERFACE")
    variables = {f"OS_{name}": found[f"OS_{name}"] for name in (*names, *domains)}
    return {"SETTINGS_FLAVOR": flavor, **variables}


def azureblob() -> Environment:
    """Flavor ``azureblob``."""
    found = require_service("azurite")
    return {
        "SETTINGS_FLAVOR": "azureblob",
        "AZURE_STORAGE_ACCOUNT_NAME": found["AZURE_STORAGE_ACCOUNT_NAME"],
        "AZURE_STORAGE_ACCOUNT_KEY": found["AZURE_STORAGE_ACCOUNT_KEY"],
        "AZURE_STORAGE_ENDPOINT": found["AZURITE_URL"],
        "AZURE_STORAGE_CONTAINER": "flavor",
    }


@contextmanager
def oss() -> Iterator[Environment]:
    """Flavor ``oss``, which speaks S3 with Aliyun: here with Ceph's object gateway.

    It puts the bucket in the host name, for which the gateway has a domain that no DNS knows; a
    proxy leads there.
    """
    found = require_service("ceph")
    host, port = found["CEPH_S3_ENDPOINT"].removeprefix("http://").split(":")
    with FaultyProxy(host, int(port)) as proxy:
        yield {
            "SETTINGS_FLAVOR": "oss",
            "HTTP_PROXY": f"http://127.0.0.1:{proxy.port}",
            "OSS_HOST": f"http://{found['CEPH_S3_DOMAIN']}",
            "OSS_BUCKET": found["CEPH_S3_BUCKET"],
            "OSS_KEY": found["CEPH_S3_ACCESS_KEY"],
            "OSS_SECRET": found["CEPH_S3_SECRET_KEY"],
        }


@contextmanager
def registries(
    environment: Mapping[str, str], directory: Path, count: int = 1
) -> Iterator[list[RegistryServer]]:
    """Start registries over one store, which is cleared afterwards."""
    settings = {"STORAGE_PATH": f"/test-{uuid.uuid4().hex}", **environment}
    servers = [RegistryServer(directory / f"registry-{n}", settings) for n in range(count)]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.stop()
        clear(servers[0].settings)


@contextmanager
def driver_of(environment: Mapping[str, str]) -> Iterator[Driver]:
    """Give the driver that an environment describes."""
    # SDKs look for credentials in the environment themselves.
    with patch.dict(os.environ, environment):
        yield drivers.create(load(environment))


def clear(environment: Mapping[str, str]) -> None:
    """Delete all that is stored where an environment says."""
    with driver_of(environment) as driver:
        for name in driver.list(""):
            driver.delete(name)
        driver.sweep(time.time() + 3600)


def push_pull_search_delete(docker: Tool, registry: RegistryServer) -> None:
    """Do what a user does all day, and compare the files."""
    repository = f"team/ubuntu-{uuid.uuid4().hex[:8]}"
    name = f"{registry.address}/{repository}"
    build_image(docker, name, FILES)
    made = image_id(docker, name)
    docker("push", name)
    docker("image", "remove", name)
    docker("pull", name)
    assert image_id(docker, name) == made
    assert files_in(docker, name) == FILES
    found = docker("search", "--no-trunc", f"{registry.address}/ubuntu")
    assert repository in found
    docker("image", "remove", name)
    delete(registry, repository)
    assert docker.run("pull", name).returncode != 0


def push_and_pull_large(docker: Tool, registry: RegistryServer, directory: Path) -> None:
    """Push and pull one layer of many parts; the engine checks the digests."""
    name = f"{registry.address}/large"
    archive = directory / "large.tar"
    images.write_large_tar(archive, LARGE)
    docker("import", archive, name)
    archive.unlink()
    made = image_id(docker, name)
    docker("push", name)
    docker("image", "remove", name)
    docker("pull", name)
    assert image_id(docker, name) == made
    docker("image", "remove", name)
    delete(registry, "large")


def delete(registry: RegistryServer, repository: str) -> None:
    """Delete the image that a repository's tag ``latest`` points to."""
    base = f"{registry.url}/v2/{repository}/manifests"
    head = requests.head(f"{base}/latest", headers={"Accept": images.DOCKER_MANIFEST}, timeout=30)
    digest = head.headers["Docker-Content-Digest"]
    assert requests.delete(f"{base}/{digest}", timeout=30).status_code == 202
    assert requests.get(f"{base}/latest", timeout=30).status_code == 404


def upload_by_turns(nodes: list[RegistryServer]) -> None:
    """Upload a blob whose chunks go to one node and the other by turns, and read it from both."""
    data = images.noise("by turns", 20 * images.MIB + 12345)
    digest = images.digest_of(data)
    answer = requests.post(f"{nodes[0].url}/v2/by/turns/blobs/uploads/", timeout=60)
    assert answer.status_code == 202
    path = answer.headers["Location"].partition("/v2/")[2]
    at = 0
    for number, size in enumerate((7 * images.MIB, 1000, 9 * images.MIB, len(data))):
        chunk = data[at : at + size]
        answer = requests.patch(
            f"{nodes[number % 2].url}/v2/{path}",
            data=chunk,
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Range": f"{at}-{at + len(chunk) - 1}",
            },
            timeout=120,
        )
        assert answer.status_code == 202, answer.text
        at += len(chunk)
    answer = requests.put(f"{nodes[1].url}/v2/{path}?digest={digest}", timeout=120)
    assert answer.status_code == 201, answer.text
    for node in nodes:
        found = requests.get(f"{node.url}/v2/by/turns/blobs/{digest}", timeout=120)
        assert images.digest_of(found.content) == digest
