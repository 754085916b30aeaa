"""A bucket of its own in the emulator of Google Cloud Storage.

The emulator is right about what an object is. It checks no precondition, signature or token, gives
every listing in one page and cuts ranges wrongly; those need the stub in ``tests/gcs``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from docker_registry.config import Settings
from tests.tools import require_service


def make_bucket(endpoint: str) -> str:
    name = f"test-{uuid.uuid4().hex}"
    answer = requests.post(f"{endpoint}/storage/v1/b?project=test", json={"name": name}, timeout=30)
    answer.raise_for_status()
    return name


@contextmanager
def gcs_bucket(**others: Any) -> Iterator[Settings]:
    """Make a bucket, and remove it with all that is in it."""
    endpoint = require_service("gcs")["STORAGE_EMULATOR_HOST"]
    chosen = {
        "storage": "gcs",
        "storage_path": "/some/prefix",
        "gs_bucket": make_bucket(endpoint),
        "gs_emulator": endpoint,
    }
    settings = Settings(**{**chosen, **others})
    yield settings
    bucket = f"{endpoint}/storage/v1/b/{settings.gs_bucket}"
    for item in requests.get(f"{bucket}/o", timeout=30).json().get("items", []):
        name = requests.utils.quote(item["name"], safe="")
        requests.delete(f"{bucket}/o/{name}", timeout=30).raise_for_status()
    requests.delete(bucket, timeout=30).raise_for_status()
