"""What the store of another registry lacks of ours is added to it.

Nothing of what is there is changed, so that the other registry can go on with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from docker_registry.drivers.base import Stray
from docker_registry.errors import ManifestUnknown
from docker_registry.registry import Registry
from docker_registry.registry.names import Digest, RepositoryName


class Referral(NamedTuple):
    """A manifest that names another one as its subject."""

    repository: RepositoryName
    referrer: Digest
    subject: Digest


class Adoption:
    """Finds what other registries left where ours doesn't look.

    Layers of docker-registry 0.9 in Glance, and manifests whose subjects nobody noted, since CNCF
    Distribution doesn't. It runs beside traffic, and may be cut off and begun again.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def strays(self) -> Iterator[Stray]:
        """Give the objects in the backends to which no path leads."""
        driver = self._registry.driver
        return driver.strays(driver)

    def unnoted(self) -> Iterator[Referral]:
        """Give the manifests that are not listed as referrers of their subjects."""
        for name in self._registry.repositories.iterate():
            repository = RepositoryName(name)
            for digest in self._registry.manifests.iterate(repository):
                subject = self._subject(repository, digest)
                if subject and not self._registry.referrers.has(repository, subject, digest):
                    yield Referral(repository, digest, subject)

    def note(self, referral: Referral) -> None:
        """List a manifest as a referrer of its subject."""
        self._registry.referrers.add(referral.repository, referral.subject, referral.referrer)
        if not self._registry.manifests.has(referral.repository, referral.referrer):
            # It was deleted meanwhile.
            self._registry.referrers.remove(
                referral.repository, referral.subject, referral.referrer
            )

    def _subject(self, repository: RepositoryName, digest: Digest) -> Digest | None:
        try:
            subject = self._registry.manifests.get(repository, digest).subject
        except ManifestUnknown:
            return None
        return subject.digest if subject else None
