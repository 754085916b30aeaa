"""Names in byte order, out of directories that are nested as the names are."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, takewhile

from docker_registry.registry.names import COMPONENT, MAX_NAME
from docker_registry.registry.selection import Selection

#: Gives the children of a directory: what begins with a prefix (empty, or ending in a slash), and
#: has a next component greater than the second argument. It is the names with one component more,
#: and, ending in a slash, the prefixes of names with several more. They come in byte order, for
#: which the slash doesn't count.
Children = Callable[[str, str], Iterable[str]]

_LEADING = re.compile(r"[a-z0-9._-]*")
_COMPONENT = re.compile(COMPONENT)
#: What sorts before a slash.
_BEFORE_SLASH = re.compile(r"[-.]")


def walk(children: Children, after: str, selection: Selection) -> Iterator[str]:
    """Give the names of a selection that are greater than ``after``, in byte order.

    What was not chosen is left out by directories, as far as the selection allows. Some names may
    not exist: where to begin is guessed.
    """
    for part in selection.ranges:
        wanted = part.behind(after)
        if wanted is None:
            continue
        found = (
            [part.low]
            if part.is_one_name
            else in_byte_order(children, wanted.low, wanted.directory)
        )
        yield from filter(selection.__contains__, takewhile(wanted.__contains__, found))


def in_byte_order(children: Children, start: str = "", prefix: str = "") -> Iterator[str]:
    """Give all names from ``start`` on that begin with a prefix, in byte order.

    ``a-b`` and ``a.b`` sort before ``a/b``, so what lies below a directory has to wait until its
    siblings up to ``a/`` are through: those waiting are kept in a heap.
    """
    first = _first_component(start, prefix)
    waiting: list[str] = []
    for child in chain(_guesses(prefix, first), children(prefix, first)):
        while waiting and waiting[0] < child:
            yield from in_byte_order(children, start, heapq.heappop(waiting))
        if not child.endswith("/"):
            if child >= start:
                yield child
        # All names below "a/" are less than "a0", the character behind "/".
        elif f"{child[:-1]}0" > start and child not in waiting:
            heapq.heappush(waiting, child)
    while waiting:
        yield from in_byte_order(children, start, heapq.heappop(waiting))


def _first_component(start: str, prefix: str) -> str:
    """Give where to begin in the directory that a prefix is; empty is at its beginning."""
    if not start.startswith(prefix):
        return ""
    leading = _LEADING.match(start[:MAX_NAME], len(prefix))
    return leading[0] if leading else ""


def _guesses(prefix: str, first: str) -> Iterator[str]:
    """Give the children up to ``first`` that may be, or have below them, what isn't less than it.

    These are it itself, and what it begins with: ``a/x`` comes behind ``a-b``.
    """
    ends = [*(match.start() for match in _BEFORE_SLASH.finditer(first)), len(first)]
    for component in filter(_COMPONENT.fullmatch, (first[:end] for end in ends)):
        yield f"{prefix}{component}"
        yield f"{prefix}{component}/"
