"""Settings for a bucket of the stub."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from docker_registry.config import Settings
from tests.gcs.server import GcsStub, gcs_stub

BUCKET = "bucket"


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
