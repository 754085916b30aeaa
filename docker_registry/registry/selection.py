"""Which repositories somebody means or may see: patterns of names, and choices among them.

A pattern is written like a name. In a component of it, ``*`` stands for any characters; ``**``,
as the last component, for any rest, which may be none::

    team/app        that repository
    team/*          team/app, not team/app/tools
    team/**         team, team/app, team/app/tools
    **              every repository

A ``**`` comes after components without ``*`` only, so that databases can evaluate a pattern too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from docker_registry.registry.ranges import NameRange, NameSet

ANY_REST = "**"
_COMPONENT = re.compile(r"[a-z0-9._*-]+")


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A pattern of repository names.

    :ivar components: as they are written, without a ``**`` at the end.
    :ivar open: whether the pattern ends in ``**``.
    """

    components: tuple[str, ...]
    open: bool

    @classmethod
    def parse(cls, text: str) -> NamePattern:
        """Read a pattern; ``ValueError`` says what would be right."""
        components = text.split("/")
        is_open = components[-1] == ANY_REST
        if is_open:
            components.pop()
        for component in components:
            if not _COMPONENT.fullmatch(component) or ANY_REST in component:
                raise ValueError(
                    f"{text!r} should be a repository name, in which * stands for a part of a "
                    "component and a last component ** for any rest"
                )
        if is_open and any("*" in component for component in components):
            raise ValueError(f"{text!r} should have no * in front of **")
        return cls(tuple(components), is_open)

    def matches(self, name: str) -> bool:
        """Tell whether a repository's name has this pattern."""
        parts = name.split("/")
        if self.open:
            return tuple(parts[: len(self.components)]) == self.components
        return len(parts) == len(self.components) and all(
            component == part or ("*" in component and _glob(component).fullmatch(part))
            for component, part in zip(self.components, parts, strict=True)
        )

    @property
    def is_literal(self) -> bool:
        """Whether only one name has this pattern."""
        return not self.open and not self.has_wildcards

    @property
    def has_wildcards(self) -> bool:
        """Whether there is a ``*`` in a component."""
        return any("*" in component for component in self.components)

    @property
    def prefix(self) -> str:
        """The characters that every name with this pattern begins with."""
        return "/".join(self.components).partition("*")[0]

    @property
    def ranges(self) -> tuple[NameRange, ...]:
        """Where all names with this pattern are; without wildcards, there are no others."""
        text = "/".join(self.components)
        if self.has_wildcards:
            return (NameRange.beginning_with(self.prefix),)
        if not self.open:
            return (NameRange.of(text),)
        if not self.components:
            return (NameRange.beginning_with(""),)
        return (NameRange.of(text), NameRange.beginning_with(f"{text}/"))

    @property
    def specificity(self) -> tuple[int, int, bool]:
        """What compares patterns that match one name: the greater decides.

        It is how many characters the pattern says, then how many components.
        """
        said = sum(len(component.replace("*", "")) for component in self.components)
        return said, len(self.components), not self.open

    def __str__(self) -> str:
        return "/".join((*self.components, ANY_REST) if self.open else self.components)


def _glob(component: str) -> re.Pattern[str]:
    # re keeps the patterns that it compiled.
    return re.compile("[^/]*".join(map(re.escape, component.split("*"))))


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether names with a pattern are chosen."""

    pattern: NamePattern
    chosen: bool


class Selection:
    """A choice of repositories: of the choices that match a name, the most specific decides.

    Among equals, a positive one does; without any, the name is not chosen.

    :ivar choices: in the order in which they decide: the first that matches.
    """

    def __init__(self, choices: Iterable[Choice]) -> None:
        self.choices: tuple[Choice, ...] = tuple(
            sorted(
                dict.fromkeys(choices),
                key=lambda one: (one.pattern.specificity, one.chosen),
                reverse=True,
            )
        )
        self._placed = [(one, one.pattern.ranges) for one in self.choices]

    def __contains__(self, name: str) -> bool:
        return next((one.chosen for one in self.choices if one.pattern.matches(name)), False)

    @property
    def is_everything(self) -> bool:
        """Whether every name is chosen."""
        return all(one.chosen for one in self.choices) and any(
            one.pattern.open and not one.pattern.components for one in self.choices
        )

    @property
    def is_nothing(self) -> bool:
        """Whether no name is chosen."""
        return not any(one.chosen for one in self.choices)

    @cached_property
    def ranges(self) -> tuple[NameRange, ...]:
        """Where chosen names are, in byte order.

        No name is chosen outside of them. Inside, all are if no pattern there has wildcards.
        """
        names = NameSet()
        # Each replaces what those that decide less have said; wildcards leave gaps.
        for one, ranges in reversed(self._placed):
            for part in ranges:
                if one.chosen:
                    names.add(part)
                elif not one.pattern.has_wildcards:
                    names.remove(part)
        return tuple(names.ranges())

    def about(self, part: NameRange) -> list[Choice]:
        """Give those of the choices that may be about names in a range."""
        return [one for one, ranges in self._placed if any(map(part.meets, ranges))]


EVERYTHING = Selection([Choice(NamePattern((), True), True)])
NOTHING = Selection([])
