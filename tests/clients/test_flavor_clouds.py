"""Flavors of other clouds, on what stands for them here, and on our server of Elliptics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests import images
from tests.clients import flavors
from tests.drivers.gcs_service import make_bucket
from tests.elliptics.server import Cluster
from tests.tools import Tool, require_service

Flavor = Callable[[], AbstractContextManager[flavors.Environment]]


@contextmanager
def azureblob() -> Iterator[flavors.Environment]:
    yield flavors.azureblob()


@contextmanager
def gcs() -> Iterator[flavors.Environment]:
    endpoint = require_service("gcs")["STORAGE_EMULATOR_HOST"]
    yield {
        "SETTINGS_FLAVOR": "gcs",
        "GCS_BUCKET": make_bucket(endpoint),
        "STORAGE_EMULATOR_HOST": endpoint,
    }


@contextmanager
def elliptics() -> Iterator[flavors.Environment]:
    with Cluster({1: [1, 2], 2: [3]}) as cluster:
        nodes = ", ".join(f"{address.host}:{address.port}:2" for address in cluster.addresses)
        yield {
            "SETTINGS_FLAVOR": "elliptics",
            "ELLIPTICS_NODES": nodes,
            "ELLIPTICS_GROUPS": "[1, 2, 3]",
        }


FLAVORS = [azureblob, gcs, elliptics, flavors.oss]


@pytest.mark.parametrize("flavor", FLAVORS)
def test_push_pull_search_delete(docker: Tool, flavor: Flavor, tmp_path: Path) -> None:
    with flavor() as variables, flavors.registries(variables, tmp_path) as [registry]:
        flavors.push_pull_search_delete(docker, registry)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_an_upload_by_turns_to_two_nodes(flavor: Flavor, tmp_path: Path) -> None:
    with flavor() as variables, flavors.registries(variables, tmp_path, count=2) as nodes:
        flavors.upload_by_turns(nodes)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_large_image(docker: Tool, flavor: Flavor, tmp_path: Path) -> None:
    with flavor() as variables, flavors.registries(variables, tmp_path) as [registry]:
        flavors.push_and_pull_large(docker, registry, tmp_path)


def test_cloudfront_is_where_clients_are_sent(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = tmp_path / "key.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    variables = {
        **flavors.s3_over_tls(),
        "SETTINGS_FLAVOR": "cloudfronts3",
        "STORAGE_REDIRECT": "true",
        "CF_BASE_URL": "https://cdn.example.org",
        "CF_KEYID": "KEYID",
        "CF_KEYSECRET": str(pem),
    }
    with flavors.registries(variables, tmp_path) as [registry]:
        data = b"a layer"
        digest = images.digest_of(data)
        base = f"{registry.url}/v2/team/app/blobs"
        pushed = requests.post(f"{base}/uploads/?digest={digest}", data=data, timeout=30)
        assert pushed.status_code == 201
        answer = requests.get(f"{base}/{digest}", allow_redirects=False, timeout=30)
        assert answer.status_code == 307
        address = answer.headers["Location"]
        assert address.startswith("https://cdn.example.org/test-")
        assert "Key-Pair-Id=KEYID" in address
