"""Referrers: the manifests of a repository that name another one as their subject."""

from __future__ import annotations

from collections.abc import Iterator

from docker_registry.drivers.base import Driver
from docker_registry.errors import DigestInvalid, PathNotFound
from docker_registry.registry import layout
from docker_registry.registry.links import read_link, write_link
from docker_registry.registry.names import Digest, RepositoryName, Tag


class Referrers:
    """Which manifests refer to which subject, in all repositories.

    The subject need not exist (OCI distribution specification 1.1, "Pushing Manifests with
    Subject").
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def add(self, repository: RepositoryName, subject: Digest, referrer: Digest) -> None:
        """Say that a manifest refers to a subject."""
        write_link(self._driver, layout.referrer(repository, subject, referrer), referrer)

    def has(self, repository: RepositoryName, subject: Digest, referrer: Digest) -> bool:
        """Whether a manifest is known to refer to a subject."""
        return read_link(self._driver, layout.referrer(repository, subject, referrer)) is not None

    def remove(self, repository: RepositoryName, subject: Digest, referrer: Digest) -> None:
        """Forget that a manifest refers to a subject, if it is known at all."""
        try:
            self._driver.delete(layout.referrer(repository, subject, referrer))
        except PathNotFound:
            return

    def iterate(
        self, repository: RepositoryName, subject: Digest, after: Digest | None = None
    ) -> Iterator[Digest]:
        """Give the digests of a subject's referrers, in order, beginning behind ``after``."""
        last = after.replace(":", "-") if after else ""
        for name in self._driver.iterate(layout.referrers(repository, subject), after=last):
            try:
                yield Digest.parse(name.replace("-", ":", 1))
            except DigestInvalid:
                continue


def fallback_tag(subject: Digest) -> Tag:
    """Give the tag of the index that clients keep of referrers where a registry has no such API.

    OCI distribution specification 1.1, "Referrers Tag Schema".
    """
    return Tag(f"{subject.algorithm}-{subject.hex[:64]}")
