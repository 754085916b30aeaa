"""A selection of repositories as a condition in SQL."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, or_

from docker_registry.registry.ranges import NameRange
from docker_registry.registry.selection import NamePattern, Selection
from docker_registry.search.like import ESCAPE, escape
from docker_registry.search.models import Repository

#: Ranges that a query names. SQLite's expressions are at most a thousand levels deep, and each
#: range is one.
MAX_RANGES = 100


def is_selected(selection: Selection) -> list[ColumnElement[bool]]:
    """Give the conditions that a selection makes, all of which must hold.

    Who doesn't see everything sees no name that is of V1 only: no pattern is meant for it.
    """
    if selection.is_everything:
        return []
    return [Repository.todays.expression, _is_in_ranges(selection), _is_chosen(selection)]


def is_in(part: NameRange) -> ColumnElement[bool]:
    """Give the condition that a name is in a range, by which databases use their index."""
    if part.is_one_name:
        return Repository.name == part.low
    return and_(Repository.name >= part.low, Repository.name < part.high)


def _is_in_ranges(selection: Selection) -> ColumnElement[bool]:
    """Say once more, for the index, where the names are that are chosen at all."""
    ranges = selection.ranges()
    size = -(-len(ranges) // MAX_RANGES)
    groups = (ranges[at : at + size] for at in range(0, len(ranges), size))
    return or_(*(is_in(NameRange(group[0].low, group[-1].high)) for group in groups))


def _is_chosen(selection: Selection) -> ColumnElement[bool]:
    first = ((_matches(one.pattern), int(one.chosen)) for one in selection.choices)
    return case(*first, else_=0) == 1


def _matches(pattern: NamePattern) -> ColumnElement[bool]:
    inside = or_(*map(is_in, pattern.ranges))
    if not pattern.has_wildcards:
        return inside
    # LIKE's wildcard takes slashes as well: what has no more of them than the pattern has them
    # where the pattern has them.
    like = "%".join(map(escape, str(pattern).split("*")))
    too_deep = "%" + "/%" * len(pattern.components)
    return and_(
        inside,
        Repository.name.like(like, escape=ESCAPE),
        Repository.name.not_like(too_deep),
    )
