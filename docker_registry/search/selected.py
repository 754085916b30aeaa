"""A selection of repositories as a condition in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from sqlalchemy import ColumnElement, and_, case, or_

from docker_registry.registry.ranges import NameRange
from docker_registry.registry.selection import Choice, NamePattern, Selection
from docker_registry.search.like import ESCAPE, escape
from docker_registry.search.models import Repository

#: Ranges that a condition names. SQLite's expressions are at most a thousand levels deep, and each
#: range is one.
MAX_RANGES = 100


def is_selected(selection: Selection) -> list[ColumnElement[bool]]:
    """Give the conditions that a selection makes, all of which must hold.

    Who doesn't see everything sees no name that is of V1 only: no pattern is meant for it.
    """
    if selection.is_everything:
        return []
    ranges = selection.ranges
    wide = [part for part in ranges if not part.is_one_name]
    size = max(1, -(-len(wide) // MAX_RANGES))
    groups = (wide[at : at + size] for at in range(0, len(wide), size))
    names = _names(selection, (part for part in ranges if part.is_one_name))
    return [
        Repository.todays.expression,
        or_(
            Repository.name.in_(names),
            *(_is_selected_in(selection, group) for group in groups),
        ),
    ]


def selected_behind(selection: Selection, after: str) -> Iterator[ColumnElement[bool]]:
    """Give conditions that together are met by the names of a selection greater than ``after``.

    What meets one is less than what meets the next one, so that they can be asked for in turn.
    """
    for are_names, parts in groupby(selection.ranges, attrgetter("is_one_name")):
        if are_names:
            names = _names(selection, parts)
            yield Repository.name.in_([name for name in names if name > after])
            continue
        for part in parts:
            wanted = part.behind(after)
            if wanted is not None:
                yield and_(Repository.name >= wanted.low, _is_selected_in(selection, [part]))


def _names(selection: Selection, parts: Iterable[NameRange]) -> list[str]:
    return [part.low for part in parts if part.low in selection]


def _is_selected_in(selection: Selection, ranges: Sequence[NameRange]) -> ColumnElement[bool]:
    """Say that a name is in ranges, by which databases use their index, and chosen there."""
    whole = NameRange(ranges[0].low, ranges[-1].high)
    about = selection.about(whole)
    if len(ranges) == 1 and not any(one.pattern.has_wildcards for one in about):
        return _is_in(whole)
    return and_(_is_in(whole), _is_chosen(about))


def _is_in(part: NameRange) -> ColumnElement[bool]:
    return and_(Repository.name >= part.low, Repository.name < part.high)


def _is_chosen(choices: Sequence[Choice]) -> ColumnElement[bool]:
    first = ((_matches(one.pattern), int(one.chosen)) for one in choices)
    return case(*first, else_=0) == 1


def _matches(pattern: NamePattern) -> ColumnElement[bool]:
    if not pattern.has_wildcards:
        return or_(*map(_is_in, pattern.ranges))
    # LIKE's wildcard takes slashes as well: what has no more of them than the pattern has them
    # where the pattern has them.
    like = "%".join(map(escape, str(pattern).split("*")))
    too_deep = "%" + "/%" * len(pattern.components)
    return and_(Repository.name.like(like, escape=ESCAPE), Repository.name.not_like(too_deep))
