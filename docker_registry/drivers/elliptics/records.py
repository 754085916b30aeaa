"""The record of one directory, and its shards where it has many entries.

A small directory lies in one register. A large one is cut in the order of names: its register
lists shards, registers of their own, each with the least name that belongs there. To cut a shard
in two, or to drop one that is empty, it is frozen first: then nothing in it changes any more, its
successors are written under new ids, and one change of the directory's register puts them in its
place. Who meets a frozen shard does the rest of that work himself, so a crash in it stops nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from docker_registry.drivers.elliptics.entries import (
    Directory,
    Entry,
    Shard,
    new_id,
    unpack,
    unpack_shard,
)
from docker_registry.drivers.elliptics.register import Registers
from docker_registry.errors import Unavailable

#: The directory above all; it needs no entry anywhere, and never dies.
ROOT = ""
#: Bytes that a record or a shard may have before it is cut.
LIMIT = 32 * 1024
ATTEMPTS = 200

Entries = dict[str, Entry]
#: What a change does with the entries of a directory, or with those of one shard.
Change = Callable[[Entries], Entries]


class Dead(Exception):
    """The directory is not alive.

    :ivar id: of its last life, if there was one that is remembered.
    """

    def __init__(self, found: Directory | None) -> None:
        super().__init__()
        self.id = found.id if found else None


class Records:
    """The records of all directories, one at a time: who is whose parent is not known here."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers

    def find(self, path: str) -> Directory | None:
        """Read a directory's own record."""
        return unpack(self._registers.read(key(path)))

    def entry(self, path: str, name: str) -> Entry | None:
        """Give the entry of a name."""
        for _ in range(ATTEMPTS):
            found = self.find(path)
            if found is None or not found.shards:
                return found.entries.get(name) if found else None
            shard = self._shard(found.shards[found.place(name)][1])
            if shard is not None:
                return shard.entries.get(name)
        raise _restless(path)

    def entries(self, path: str, after: str = "") -> Iterator[tuple[str, Entry]]:
        """Give names and entries behind ``after``, in order; shards are read as they are needed."""
        for _ in range(ATTEMPTS):
            found = self.find(path)
            if found is None:
                return
            if not found.shards:
                yield from _behind(found.entries, after)
                return
            for _, id_ in found.shards[found.place(after) :]:
                shard = self._shard(id_)
                if shard is None:
                    # It was replaced meanwhile: look again for what follows.
                    break
                for name, entry in _behind(shard.entries, after):
                    yield name, entry
                    after = name
            else:
                return
        raise _restless(path)

    def put(
        self, path: str, name: str, change: Change, life: tuple[str | None, str] | None
    ) -> None:
        """Change the entry of a name, which is there then.

        :param life: which dead directory (by id, ``None`` if there is no record) may be revived,
            and the id that it then gets.
        :raises Dead: the directory is not alive, and not the one that may be revived.
        """

        def revive(found: Directory | None) -> Directory:
            if path == ROOT:
                return Directory(ROOT)
            if life is not None and life[0] == (found.id if found else None):
                return Directory(life[1])
            raise Dead(found)

        for _ in range(ATTEMPTS):
            try:
                self._change_record(path, change, revive)
            except _Sharded as sharded:
                directory = sharded.directory
                if not self._change_shard(path, directory.shards[directory.place(name)][1], change):
                    continue
            return
        raise _restless(path)

    def shrink(self, path: str, name: str, change: Change) -> str | None:
        """Take the entry of a name out; give the id of the directory if it is dead now."""
        for _ in range(ATTEMPTS):
            try:
                return self._change_record(path, change, _leave)
            except _Sharded as sharded:
                directory = sharded.directory
                if self._change_shard(path, directory.shards[directory.place(name)][1], change):
                    return self._dead(path)
        raise _restless(path)

    def shrink_all(self, path: str, change: Change) -> str | None:
        """Take entries out all over a directory; give its id if it is dead now."""
        done: set[str] = set()
        for _ in range(ATTEMPTS):
            try:
                return self._change_record(path, change, _leave)
            except _Sharded as sharded:
                left = [id_ for _, id_ in sharded.directory.shards if id_ not in done]
                done.update(id_ for id_ in left if self._change_shard(path, id_, change))
                if not left:
                    return None
        raise _restless(path)

    def tidy(self, path: str) -> None:
        """Drop shards that a crash left empty."""
        found = self.find(path)
        for _, id_ in found.shards if found else ():
            shard = self._shard(id_)
            if shard is not None and not shard.entries:
                self._replace(path, id_)

    def declare_dead(self, path: str, id_: str) -> bool:
        """Note that a life of a directory is over that may never have begun; tell whether it is."""
        dead: list[str] = []

        def change(data: bytes | None) -> bytes | None:
            found = unpack(data)
            dead[:] = [] if found is not None and found.alive else [id_]
            return Directory(id_).with_entries({}).pack() if dead else data

        self._registers.change(key(path), change)
        return bool(dead)

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

    def _dead(self, path: str) -> str | None:
        found = self.find(path)
        return found.id if found is not None and not found.alive else None

    def _shard(self, id_: str) -> Shard | None:
        return unpack_shard(self._registers.read(_shard_key(id_)))

    def _change_record(
        self,
        path: str,
        function: Change,
        revive: Callable[[Directory | None], Directory | None],
    ) -> str | None:
        """Change entries in the directory's own record; give its id if it is dead now."""
        outcome: list[Directory] = []

        def change(data: bytes | None) -> bytes | None:
            found = unpack(data)
            if found is None or not found.alive:
                found = revive(found)
                if found is None:
                    return data
            if found.shards:
                raise _Sharded(found)
            entries = function(found.entries)
            same = entries == found.entries
            outcome[:] = [found if same else found.with_entries(entries)]
            return data if same else outcome[0].pack()

        self._registers.change(key(path), change)
        for new in outcome:
            if len(new.entries) > 1 and len(new.pack()) > LIMIT:
                self._divide(path, new)
            return None if new.alive else new.id
        return None

    def _divide(self, path: str, whole: Directory) -> None:
        """Move the entries of a record into shards, unless others changed it meanwhile."""
        new = self._successors(whole.entries)

        def change(data: bytes | None) -> bytes | None:
            found = unpack(data)
            return whole.with_shards(new).pack() if found == whole else data

        self._registers.change(key(path), change)
        found = self.find(path)
        if found is None or not set(new) & set(found.shards):
            self._remove(new)

    def _change_shard(self, path: str, id_: str, function: Change) -> bool:
        """Change entries of a shard; tell whether it still was one."""
        outcome: list[Shard] = []

        def change(data: bytes | None) -> bytes | None:
            shard = unpack_shard(data)
            outcome[:] = [shard] if shard else []
            if shard is None or shard.frozen:
                return data
            outcome[:] = [Shard(function(shard.entries))]
            return data if outcome[0] == shard else outcome[0].pack()

        self._registers.change(_shard_key(id_), change)
        if not outcome:
            return False
        if outcome[0].frozen or not _fits(outcome[0]):
            self._replace(path, id_)
        return not outcome[0].frozen

    def _replace(self, path: str, id_: str) -> None:
        """Put two shards in the place of one that is too large, or none in that of an empty one."""
        frozen: list[Shard] = []

        def freeze(data: bytes | None) -> bytes | None:
            shard = unpack_shard(data)
            frozen.clear()
            if shard is None or (_fits(shard) and not shard.frozen):
                return data
            frozen.append(Shard(shard.entries, frozen=True))
            return frozen[0].pack()

        self._registers.change(_shard_key(id_), freeze)
        if not frozen:
            return
        new = self._successors(frozen[0].entries) if frozen[0].entries else ()

        def swap(data: bytes | None) -> bytes | None:
            found = unpack(data)
            return data if found is None else found.replacing(id_, new).pack()

        self._registers.change(key(path), swap)
        found = self.find(path)
        if found is None or not set(new) & set(found.shards):
            # Somebody else was faster, and put successors of his own there.
            self._remove(new)
        self._registers.forget(_shard_key(id_), frozen[0].pack())

    def _successors(self, entries: Entries) -> tuple[tuple[str, str], ...]:
        names = sorted(entries)
        middle = max(len(names) // 2, 1)
        new = []
        for part in (names[:middle], names[middle:]):
            id_ = new_id()
            raw = Shard({name: entries[name] for name in part}).pack()
            self._registers.change(_shard_key(id_), lambda _, raw=raw: raw)  # type: ignore[misc]
            new.append((part[0], id_))
        return tuple(new)

    def _remove(self, shards: tuple[tuple[str, str], ...]) -> None:
        for _, id_ in shards:
            data = self._registers.read(_shard_key(id_))
            self._registers.forget(_shard_key(id_), data)


class _Sharded(Exception):
    """The entries are in shards."""

    def __init__(self, directory: Directory) -> None:
        super().__init__()
        self.directory = directory


def key(path: str) -> str:
    """Give the key of a directory's register."""
    return f"directory/{path}"


def _shard_key(id_: str) -> str:
    return f"shard/{id_}"


def _fits(shard: Shard) -> bool:
    return len(shard.entries) == 1 or bool(shard.entries and len(shard.pack()) <= LIMIT)


def _behind(entries: Entries, after: str) -> list[tuple[str, Entry]]:
    return sorted((item for item in entries.items() if item[0] > after), key=lambda item: item[0])


def _leave(found: Directory | None) -> Directory | None:
    return found


def _restless(path: str) -> Unavailable:
    return Unavailable(f"Elliptics: {path} was changed by others {ATTEMPTS} times in a row")
