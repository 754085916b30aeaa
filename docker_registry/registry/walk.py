"""Names in byte order, out of directories that are nested as the names are."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator


def in_byte_order(
    children: Callable[[str], Iterable[str]], after: str = "", prefix: str = ""
) -> Iterator[str]:
    """Give all names greater than ``after``, in byte order.

    ``a-b`` and ``a.b`` sort before ``a/b``, so what lies below a directory has to wait until its
    siblings up to ``a/`` are through: those waiting are kept in a heap.

    :param children: gives what begins with a prefix (empty, or ending in a slash): the names with
        one component more, and, ending in a slash, the prefixes of names with several more. They
        come in byte order, for which the slash doesn't count.
    """
    waiting: list[str] = []
    for child in children(prefix):
        while waiting and waiting[0] < child:
            yield from in_byte_order(children, after, heapq.heappop(waiting))
        if not child.endswith("/"):
            if child > after:
                yield child
        # All names below "a/" are less than "a0", the character behind "/".
        elif f"{child[:-1]}0" > after and child not in waiting:
            heapq.heappush(waiting, child)
    while waiting:
        yield from in_byte_order(children, after, heapq.heappop(waiting))
