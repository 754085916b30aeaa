"""Link files: a digest as text."""

from __future__ import annotations

import logging

from docker_registry.drivers.base import Driver
from docker_registry.errors import DigestInvalid, PathNotFound
from docker_registry.registry.names import Digest

log = logging.getLogger(__name__)


def read_link(driver: Driver, path: str) -> Digest | None:
    """Give the digest that a link holds, or ``None``.

    A link that can't be read as a digest counts as absent: other registries left zero-length
    ones behind after a crash, and such a link must not make a repository unusable.
    """
    try:
        text = driver.get_content(path)
    except PathNotFound:
        return None
    digest = parse_link(text)
    if digest is None:
        log.warning("the link %s holds no digest (%r): taken as absent", path, text[:80])
    return digest


def parse_link(text: bytes) -> Digest | None:
    """Read the content of a link; ``None`` if it is no digest."""
    try:
        return Digest.parse(text.decode("ascii", "replace").strip())
    except DigestInvalid:
        return None


def write_link(driver: Driver, path: str, digest: Digest) -> None:
    """Store a link, durably."""
    driver.put_content(path, digest.encode("ascii"))
