"""The tree of directories: which object lies at which path.

Elliptics knows no names, so each directory has a record (``records``) with an entry for every name
in it. An entry that is an object holds the object's record: what is not in its directory does not
exist, whatever a replica that missed a delete still has.

A directory is alive as long as it has entries; then its parent has an entry with the same id. To
keep that true without changing two records at once, a directory that loses its last entry dies in
the same change, and only then is its entry taken out of the parent, if it still has that id. Who
needs a dead directory first gives it a new id in the parent, then revives it with that. A crash in
between leaves at worst an entry to a dead directory: it is empty, and goes with the next
``delete``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from docker_registry.drivers.elliptics.entries import Entry, Object, Subdirectory, new_id
from docker_registry.drivers.elliptics.records import ATTEMPTS, ROOT, Dead, Entries, Records
from docker_registry.errors import PathNotFound, Unavailable


class Directories:
    """The directories of a store.

    :param died: told the path of each directory that died.
    """

    def __init__(self, records: Records, died: Callable[[str], None]) -> None:
        self._records = records
        self._died = died

    def entries(self, path: str, after: str = "") -> Iterator[tuple[str, Entry]]:
        """Give names and entries of a directory behind ``after``, in order."""
        return self._records.entries(path, after)

    def find(self, path: str) -> Object:
        """Give the object at a path."""
        entry = self._records.entry(*split(path))
        if not isinstance(entry, Object):
            raise PathNotFound(f"{path}: not in Elliptics")
        return entry

    def update(self, path: str, function: Callable[[Object | None], Object]) -> Object | None:
        """Replace the object at a path by ``function`` of it, and give the old one."""
        replaced: list[Object | None] = [None]

        def change(entry: Entry | None) -> Entry:
            if isinstance(entry, Subdirectory):
                raise PathNotFound(f"{path}: is a directory")
            new = function(entry)
            if entry != new:
                replaced[0] = entry
            return new

        parent, name = split(path)
        self._put(parent, name, change)
        return replaced[0]

    def remove(self, path: str) -> Object:
        """Take an object out of its directory, and give it."""
        parent, name = split(path)
        taken: list[Object] = []

        def take(entries: Entries) -> Entries:
            entry = entries.get(name)
            if not isinstance(entry, Object):
                return entries
            taken[:] = [entry]
            return without(entries, name)

        self.clear_away(path)
        self._bury(parent, self._records.shrink(parent, name, take))
        if not taken:
            raise PathNotFound(f"{path}: not in Elliptics")
        return taken[0]

    def empty(self, path: str, wanted: Callable[[Object], bool]) -> list[Object]:
        """Take all ``wanted`` objects out of a directory, and give them."""
        taken: Entries = {}

        def take(entries: Entries) -> Entries:
            going = {n: e for n, e in entries.items() if isinstance(e, Object) and wanted(e)}
            taken.update(going)
            return {name: entry for name, entry in entries.items() if name not in going}

        self._bury(path, self._records.shrink_all(path, take))
        return [entry for entry in taken.values() if isinstance(entry, Object)]

    def clear_away(self, path: str) -> None:
        """Take the entry of a directory out of its parent, if the directory is not alive."""
        entry = self._records.entry(*split(path))
        if isinstance(entry, Subdirectory):
            self._records.tidy(path)
            if self._records.declare_dead(path, entry.id):
                self._bury(path, entry.id)

    def forget(self, path: str, before: float) -> bool:
        """Remove what is left of a directory that died before a time; tell whether that is done."""
        return self._records.forget(path, before)

    def _put(self, path: str, name: str, function: Callable[[Entry | None], Entry]) -> None:
        def change(entries: Entries) -> Entries:
            return {**entries, name: function(entries.get(name))}

        life: tuple[str | None, str] | None = None
        for _ in range(ATTEMPTS):
            try:
                self._records.put(path, name, change, life)
            except Dead as dead:
                life = (dead.id, self._announce(path, dead.id))
            else:
                return
        raise Unavailable(f"Elliptics: {path} was removed by others {ATTEMPTS} times in a row")

    def _announce(self, path: str, dead: str | None) -> str:
        """Give a directory that is not alive an id in its parent, and give that."""
        fresh = Subdirectory(new_id())
        chosen = [fresh]

        def change(entry: Entry | None) -> Entry:
            if isinstance(entry, Object):
                raise PathNotFound(f"{path}: is an object, not a directory")
            # Another id than the dead one's: somebody else is about to revive it.
            chosen[0] = fresh if entry is None or entry.id == dead else entry
            return chosen[0]

        parent, name = split(path)
        self._put(parent, name, change)
        return chosen[0].id

    def _bury(self, path: str, dead: str | None) -> None:
        """Take the entry of a dead directory out of its parent, if it is still that one's."""
        if dead is None or path == ROOT:
            return
        parent, name = split(path)

        def take(entries: Entries) -> Entries:
            return without(entries, name) if entries.get(name) == Subdirectory(dead) else entries

        self._bury(parent, self._records.shrink(parent, name, take))
        self._died(path)


def split(path: str) -> tuple[str, str]:
    """Give the directory and the name of a path."""
    parent, _, name = path.rpartition("/")
    return parent, name


def without(entries: Entries, name: str) -> Entries:
    """Give the entries but one."""
    return {other: entry for other, entry in entries.items() if other != name}
