"""What a layer changes: V1's ``/diff``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

#: All that 0.9 says of a file but its name: see ``tarball.FileEntry``.
FileInfo = tuple[Any, ...]

#: The document: what became of files, by what happened to them and by name.
Diff = dict[Literal["deleted", "changed", "created"], dict[str, FileInfo]]


def diff(files: Iterable[Sequence[Any]], ancestors: Iterable[Iterable[Sequence[Any]]]) -> Diff:
    """Compare the files of a layer with those of the layers below it.

    :param files: entries as ``/files`` gives them.
    :param ancestors: likewise, the parent first; no more of them are read than needed.
    """
    mine = _by_name(files)
    changes: Diff = {
        "deleted": {name: info for name, info in mine.items() if _is_deleted(info)},
        "changed": {},
        "created": {},
    }
    open_ = {name: info for name, info in mine.items() if not _is_deleted(info)}
    layers = iter(ancestors)
    while open_ and (layer := next(layers, None)) is not None:
        theirs = _by_name(layer)
        for name in list(open_):
            found = _find(name, theirs)
            if found is not None:
                changes["created" if _is_deleted(found) else "changed"][name] = open_.pop(name)
    changes["created"].update(open_)
    return changes


def _by_name(files: Iterable[Sequence[Any]]) -> dict[str, FileInfo]:
    known: dict[str, FileInfo] = {}
    for name, *info in files:
        # A whiteout is about the layers below: what its own layer has of that name is there.
        if not _is_deleted(info) or name not in known:
            known[name] = tuple(info)
    return known


def _find(name: str, files: dict[str, FileInfo]) -> FileInfo | None:
    """Give what a layer says of a name, or of the nearest directory above it that it deletes."""
    found = files.get(name)
    while found is None and name:
        name = name.rpartition("/")[0]
        above = files.get(name)
        if above is not None and _is_deleted(above):
            found = above
    return found


def _is_deleted(info: Sequence[Any]) -> bool:
    return bool(info[1])
