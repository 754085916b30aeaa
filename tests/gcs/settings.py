"""Settings for a bucket of the stub."""

from __future__ import annotations

import atexit
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import requests

from docker_registry.config import Settings
from tests.drivers.gcs_service import make_bucket
from tests.gcs.server import GcsStub, gcs_stub
from tests.tools import CHECKOUT

BUCKET = "bucket"


@cache
def stub_process() -> str:
    """Start a stub in a process of its own, which ends with this one, and give its endpoint."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.gcs.server"],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def stop() -> None:
        process.communicate()

    atexit.register(stop)
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextmanager
def bucket_of_process() -> Iterator[Settings]:
    """Make a bucket there, and remove it with all that is in it."""
    endpoint = stub_process()
    bucket = make_bucket(endpoint)
    yield Settings(
        storage="gcs", storage_path="/some/prefix", gs_bucket=bucket, gs_emulator=endpoint
    )
    requests.delete(f"{endpoint}/storage/v1/b/{bucket}", timeout=30).raise_for_status()


@contextmanager
def strict_bucket(**others: Any) -> Iterator[tuple[Settings, GcsStub]]:
    """Start a stub with an empty bucket and short pages."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with gcs_stub() as stub:
        stub.buckets[BUCKET] = {}
        stub.page = 3
        chosen = {
            "storage": "gcs",
            "storage_path": "/some/prefix",
            "gs_bucket": BUCKET,
            "gs_emulator": stub.url,
        }
        yield Settings(**{**chosen, **others}), stub
