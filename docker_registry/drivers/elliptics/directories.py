"""The tree of directories: which object lies at which path.

Elliptics knows no names, so each directory is a register (``register``) with an entry for every
name in it. An entry that is an object holds the object's record: what is not in its directory does
not exist, whatever a replica that missed a delete still has.

A directory is alive as long as it has entries; then its parent has an entry with the same id. To
keep that true without changing two registers at once, a directory that loses its last entry dies
in the same change, and only then is its entry taken out of the parent, if it still has that id.
Who needs a dead directory first gives it a new id in the parent, then revives it with that. A crash
in between leaves at worst an entry to a dead directory: it is empty, and goes with the next
``delete``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from docker_registry.drivers.elliptics.entries import (
    Directory,
    Entry,
    Object,
    Subdirectory,
    new_id,
    unpack,
)
from docker_registry.drivers.elliptics.register import Registers
from docker_registry.errors import PathNotFound, Unavailable

ROOT = ""
ATTEMPTS = 200


class _Dead(Exception):
    """The directory must be given an id in its parent first."""

    def __init__(self, found: Directory | None) -> None:
        super().__init__()
        self.id = found.id if found else None


class Directories:
    """The directories of a store.

    :param died: told the path of each directory that died.
    """

    def __init__(self, registers: Registers, died: Callable[[str], None]) -> None:
        self._registers = registers
        self._died = died

    def read(self, path: str) -> dict[str, Entry]:
        """Give the entries of a directory: none, where there is no directory."""
        found = unpack(self._registers.read(key(path)))
        return found.entries if found else {}

    def find(self, path: str) -> Object:
        """Give the object at a path."""
        parent, name = split(path)
        entry = self.read(parent).get(name)
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
        self._set(parent, name, change)
        return replaced[0]

    def remove(self, path: str) -> Object:
        """Take an object out of its directory, and give it."""
        parent, name = split(path)
        taken: list[Object] = []

        def take(directory: Directory) -> Directory:
            entry = directory.entries.get(name)
            if not isinstance(entry, Object):
                return directory
            taken[:] = [entry]
            return directory.with_entry(name, None)

        self.clear_away(path)
        self._shrink(parent, take)
        if not taken:
            raise PathNotFound(f"{path}: not in Elliptics")
        return taken[0]

    def empty(self, path: str, wanted: Callable[[Object], bool]) -> list[Object]:
        """Take all ``wanted`` objects out of a directory, and give them."""
        taken: dict[str, Object] = {}

        def take(directory: Directory) -> Directory:
            objects = {
                name: entry
                for name, entry in directory.entries.items()
                if isinstance(entry, Object) and wanted(entry)
            }
            taken.update(objects)
            rest = {n: e for n, e in directory.entries.items() if n not in objects}
            return directory.with_entries(rest) if objects else directory

        self._shrink(path, take)
        return list(taken.values())

    def clear_away(self, path: str) -> None:
        """Take the entry of a directory out of its parent, if the directory is not alive."""
        parent, name = split(path)
        entry = self.read(parent).get(name)
        if isinstance(entry, Subdirectory):
            self._kill(path, entry.id)

    def forget(self, path: str, before: float) -> bool:
        """Remove the record of a directory that died before a time; tell whether that is done.

        It stays as long as a group can't be asked: one that missed the removal would bring back
        what it had.
        """
        data = self._registers.read(key(path))
        found = unpack(data)
        if found is None or found.died is None or found.died >= before:
            return True
        return self._registers.forget(key(path), data)

    def _set(self, path: str, name: str, function: Callable[[Entry | None], Entry]) -> None:
        revived: tuple[str | None, str] | None = None
        for _ in range(ATTEMPTS):

            def change(data: bytes | None, life: tuple[str | None, str] | None = revived) -> bytes:
                found = unpack(data)
                if found is None or not found.alive:
                    if path == ROOT:
                        found = Directory(ROOT)
                    elif life and life[0] == (found.id if found else None):
                        found = Directory(life[1])
                    else:
                        raise _Dead(found)
                entry = function(found.entries.get(name))
                return found.with_entry(name, entry).pack()

            try:
                self._registers.change(key(path), change)
            except _Dead as dead:
                revived = (dead.id, self._announce(path, dead.id))
            else:
                return
        raise Unavailable(f"Elliptics: {path} was removed by others {ATTEMPTS} times in a row")

    def _announce(self, path: str, dead: str | None) -> str:
        """Give a directory that is not alive an id in its parent, and give that."""
        parent, name = split(path)
        ids = [new_id()]

        def change(entry: Entry | None) -> Entry:
            if isinstance(entry, Object):
                raise PathNotFound(f"{path}: is an object, not a directory")
            if entry is None or entry.id == dead:
                return Subdirectory(ids[0])
            # Somebody else is about to revive it.
            return entry

        def remember(entry: Entry | None) -> Entry:
            new = change(entry)
            if isinstance(new, Subdirectory):
                chosen[:] = [new.id]
            return new

        chosen: list[str] = []
        self._set(parent, name, remember)
        return chosen[0]

    def _shrink(self, path: str, function: Callable[[Directory], Directory]) -> None:
        """Take entries out of a directory; if none is left, take the directory out too."""
        dead: list[str] = []

        def change(data: bytes | None) -> bytes | None:
            found = unpack(data)
            dead.clear()
            if found is None:
                return data
            new = function(found)
            if not new.alive and path != ROOT:
                dead.append(new.id)
            return data if new == found else new.pack()

        self._registers.change(key(path), change)
        for id_ in dead:
            self._unlink(path, id_)

    def _unlink(self, path: str, dead: str) -> None:
        """Take the entry of a dead directory out of its parent, if it is still that one's."""
        parent, name = split(path)

        def take(directory: Directory) -> Directory:
            if directory.entries.get(name) == Subdirectory(dead):
                return directory.with_entry(name, None)
            return directory

        self._shrink(parent, take)
        self._died(path)

    def _kill(self, path: str, announced: str) -> None:
        """Make sure that a directory that was announced, but is not alive, is dead; unlink it."""

        def change(data: bytes | None) -> bytes | None:
            found = unpack(data)
            if found is not None and found.alive:
                return data
            return Directory(announced, died=time.time()).pack()

        self._registers.change(key(path), change)
        found = unpack(self._registers.read(key(path)))
        if found is not None and not found.alive and found.id == announced:
            self._unlink(path, announced)


def key(path: str) -> str:
    """Give the key of a directory's register."""
    return f"directory/{path}"


def split(path: str) -> tuple[str, str]:
    """Give the directory and the name of a path."""
    parent, _, name = path.rpartition("/")
    return parent, name
