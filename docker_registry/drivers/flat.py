"""Directories over a flat list of keys, as object stores keep them.

Such stores (S3, Swift, Azure Blob Storage, Google Cloud Storage) give keys in byte order, and with
a delimiter a directory as one entry that ends with ``/``. Byte order of keys is not byte order of
names: the directory ``a/`` comes behind ``a-b`` and ``a.b``, although ``a`` is the smallest name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence


def children(
    pages: Iterable[Sequence[str]], holds: Callable[[str], bool], after: str, limit: int
) -> list[str]:
    """Give the names of a directory's children, in byte order of names.

    :param pages: the backend's listing behind the key ``after``, in byte order of keys; an entry
        that ends with ``/`` is a directory. Pages may be short, or empty. No more of them are read
        than needed.
    :param holds: tells whether there is a directory of this name; asked a few times a page at most.
    :param after: all names given are greater.
    :param limit: how many names to give at most.
    """
    names: set[str] = set()
    for page in pages:
        names.update(name for name in (entry.rstrip("/") for entry in page) if name > after)
        if len(names) >= limit and page:
            names.update(name for name in _overtaken(page[-1]) if name > after and holds(name))
            break
    return sorted(names)[:limit]


def _overtaken(entry: str) -> Iterator[str]:
    """Give the directories that may be listed behind an entry though their names are smaller."""
    for index in range(1, len(entry.rstrip("/"))):
        if entry[index] < "/":
            yield entry[:index]
