"""What became of a V1 tag."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from docker_registry.legacy.names import ImageId
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.legacy.repositories import StoredTag
from docker_registry.registry.names import Digest, RepositoryName, Tag


class NotMigrated(Exception):
    """Why a tag can't be migrated."""


class Result(StrEnum):
    """What became of it, or what would."""

    MIGRATED = "migrated"
    THERE = "already there"
    TO_MIGRATE = "would be migrated"
    FAILED = "not migrated"


@dataclass(frozen=True, slots=True)
class Source:
    """A tag of V1."""

    repository: V1Name
    tag: StoredTag

    @property
    def image(self) -> ImageId:
        """The image that it points to."""
        return self.tag.image

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag.name}"


@dataclass(frozen=True, slots=True)
class Target:
    """A tag of today."""

    repository: RepositoryName
    tag: Tag

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one tag.

    :ivar why: the reason if it was not migrated; else what is worth knowing, if anything.
    :ivar digest: of the manifest, as far as it is known.
    """

    source: Source
    target: Target | None
    result: Result
    why: str = ""
    digest: Digest | None = None

    def __str__(self) -> str:
        arrow = f" -> {self.target}" if self.target else ""
        return f"{self.source}{arrow}: {self.result}{f' ({self.why})' if self.why else ''}"
