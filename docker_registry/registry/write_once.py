"""Tags that can't be moved once they are there.

They are given as patterns: one of repositories (see ``selection``), a colon, and one of tags, in
which ``*`` stands for any characters, ``?`` for one, and ``[0-9]`` for one of some::

    team/**:v*      v1, v1.2 and vnext of team, team/app, team/app/tools
    **:*            every tag, ``latest`` too: no name is an exception
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from docker_registry.errors import ConfigError, TagWrittenOnce
from docker_registry.registry.selection import NamePattern

_TAG_PATTERN = re.compile(r"[A-Za-z0-9_.*?\[\]!-]+")


@dataclass(frozen=True, slots=True)
class TagPattern:
    """Some tags of some repositories.

    :ivar tags: as ``fnmatch`` understands it; upper and lower case differ.
    """

    repositories: NamePattern
    tags: str

    @classmethod
    def parse(cls, text: str) -> TagPattern:
        """Read ``REPOSITORIES:TAGS``; ``ValueError`` says what would be right."""
        repositories, _, tags = text.partition(":")
        if not _TAG_PATTERN.fullmatch(tags):
            raise ValueError(
                f"{text!r} should be a pattern of repositories, a colon, and a pattern of tags, "
                "such as team/**:v*"
            )
        return cls(NamePattern.parse(repositories), tags)

    def matches(self, repository: str, tag: str) -> bool:
        """Tell whether it means a tag of a repository."""
        return self.repositories.matches(repository) and fnmatchcase(tag, self.tags)

    def __str__(self) -> str:
        return f"{self.repositories}:{self.tags}"


class WriteOnce:
    """Which tags are written once; by default none."""

    def __init__(self, patterns: Iterable[TagPattern] = ()) -> None:
        self._patterns = tuple(patterns)

    @classmethod
    def read(cls, given: Iterable[str]) -> WriteOnce:
        """Read the setting ``write_once``. Raises ``ConfigError``, which names the entry."""
        patterns = []
        for number, text in enumerate(given, start=1):
            try:
                patterns.append(TagPattern.parse(text))
            except ValueError as error:
                raise ConfigError(f"write_once (WRITE_ONCE), entry {number}: {error}") from error
        return cls(patterns)

    def about(self, repository: str) -> list[TagPattern]:
        """Give the patterns that may mean tags of a repository."""
        return [one for one in self._patterns if one.repositories.matches(repository)]

    def covers(self, repository: str, tag: str) -> bool:
        """Tell whether a tag is written once, whether it is there or not."""
        return any(one.matches(repository, tag) for one in self._patterns)


def written_once(tag: str) -> TagWrittenOnce:
    """Give the refusal to point a tag that is there to something else."""
    return TagWrittenOnce(
        "the tag is there already and is written once in this registry: push under another one",
        {"tag": tag},
    )
