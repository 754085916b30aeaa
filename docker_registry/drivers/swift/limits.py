"""What a Swift server allows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from docker_registry.drivers.swift.client import Container
from docker_registry.drivers.swift.errors import swift_errors
from docker_registry.errors import AccessDenied, PathNotFound

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """Of static large objects, of temporary URLs, and of copies.

    :ivar segments: how many a manifest may have.
    :ivar least: bytes of each segment but the last.
    :ivar digests: algorithms that sign temporary URLs.
    :ivar copies: whether a copy is surely one. In Ceph it shares bytes with its source, and some
        releases count wrongly who still needs them (tracker.ceph.com, 70746).
    """

    segments: int
    least: int
    digests: Sequence[str]
    copies: bool

    @classmethod
    def of(cls, container: Container) -> Self:
        """Ask ``/info`` (Swift API, "Discoverability").

        Ceph's has less to say, and an operator may close it (expose_info): Swift's defaults then.
        """
        known: dict[str, Any] = {}
        try:
            with swift_errors("Swift, /info"):
                known = container.connection.get_capabilities(_info(container))
        except (PathNotFound, AccessDenied):
            log.info("this Swift doesn't tell its limits: taking the defaults")
        slo = known.get("slo", {})
        return cls(
            int(slo.get("max_manifest_segments", 1000)),
            int(slo.get("min_segment_size", 1)),
            known.get("tempurl", {}).get("allowed_digests", ["sha1"]),
            # Swift's own name for it; Ceph has another.
            "max_object_name_length" in known.get("swift", {}),
        )

    def allow(self, sizes: Sequence[int]) -> bool:
        """Tell whether segments of these sizes, in bytes, can be one object."""
        return len(sizes) <= self.segments and min(sizes[:-1], default=self.least) >= self.least


def _info(container: Container) -> str:
    return container.path().partition("/v1/")[0] + "/info"
