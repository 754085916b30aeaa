"""All repositories of the storage, of today and of V1, in one list."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TypeVar

from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.registry.selection import EVERYTHING, Selection
from docker_registry.search.listed import ListedName

_Text = TypeVar("_Text", bound=str)


def todays_names(
    registry: Registry, legacy: LegacyStore, after: str = "", selection: Selection = EVERYTHING
) -> Iterator[str]:
    """Give the names greater than ``after`` that today's clients can ask for, in byte order.

    Reads the directories of the storage as far as it is asked: use an index where there is one.

    :param selection: which of them; other directories aren't read.
    """
    return _merge(
        registry.repositories.iterate(after, selection),
        legacy.repositories.iterate_todays(after, selection),
    )


def all_names(registry: Registry, legacy: LegacyStore, after: str = "") -> Iterator[ListedName]:
    """Give all names greater than ``after``, in byte order.

    Those of V1 that aren't today's too are held in memory: Docker itself never took such names.
    """
    odd = sorted(name for name in _odd_names(legacy) if name > after)
    return _merge(map(ListedName, todays_names(registry, legacy, after)), odd)


def _odd_names(legacy: LegacyStore) -> Iterator[ListedName]:
    for name in legacy.repositories.iterate():
        listed = ListedName.of_v1(name.namespace, name.repository)
        if listed is None or listed.todays is not None:
            continue
        # Clients don't find what is stored in another directory than this name has.
        if listed.v1 == name and legacy.repositories.has_tags(name):
            yield listed


def _merge(*names: Iterable[_Text]) -> Iterator[_Text]:
    """Give names that come in byte order, each once."""
    return (name for name, _ in groupby(heapq.merge(*names)))
