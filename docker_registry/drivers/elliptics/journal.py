"""What must be cleared away if a crash keeps its owner from doing it.

Chunks have no names, so those that no object leads to could never be found. Their parts are
entered here before they are written, and before an object that has them is replaced or deleted;
with the path at which an object may have them. So are directories when they die. The entries lie
in directories that no path leads to.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from docker_registry.drivers.elliptics.register import Registers
from docker_registry.errors import PathNotFound

#: Over how many registers the entries are spread, so that writers seldom meet.
REGISTERS = 64
#: How long an upload that is being committed can't be committed again, in seconds.
CLAIM = 300


@dataclass(frozen=True, slots=True)
class Note:
    """An entry.

    :ivar time: when it was last changed, in seconds since the epoch.
    :ivar parts: ids of parts whose chunks may be there.
    :ivar path: where an object may have some of them.
    :ivar dead: path of a directory that died.
    """

    time: float
    parts: tuple[str, ...] = ()
    path: str | None = None
    dead: str | None = None


class Journal:
    """The notes of a store, by the id of an upload, of an object's first part, or any other."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers

    def update(self, id_: str, function: Callable[[Note | None], Note | None]) -> None:
        """Replace a note by ``function`` of it; ``None`` is none."""

        def change(data: bytes | None) -> bytes | None:
            notes = _unpack(data)
            old = notes.pop(id_, None)
            new = function(old)
            if new == old:
                return data
            if new is not None:
                notes[id_] = new
            return _pack(notes)

        self._registers.change(_key(int(id_[:8], 16) % REGISTERS), change)

    def add(self, id_: str, parts: tuple[str, ...], path: str | None = None) -> None:
        """Note more parts, and where they may be used, as of now."""

        def change(note: Note | None) -> Note:
            old = note or Note(0)
            missing = tuple(part for part in parts if part not in old.parts)
            known = old.parts + missing
            return replace(old, time=time.time(), parts=known, path=path or old.path)

        self.update(id_, change)

    def claim(self, id_: str, path: str) -> Note:
        """Reserve an upload for one commit to a path, and give its note.

        :raises PathNotFound: there is no such upload, or another commit of it is under way.
        """
        now = time.time()
        claimed: list[Note] = []

        def change(note: Note | None) -> Note:
            mine = bool(claimed) and note == claimed[0]
            if note is None or (note.path and note.time > now - CLAIM and not mine):
                raise PathNotFound(f"upload {id_}: not in Elliptics")
            claimed[:] = [replace(note, time=now, path=path)]
            return claimed[0]

        self.update(id_, change)
        return claimed[0]

    def release(self, id_: str) -> None:
        """Give a claim up, as the commit failed."""
        self.update(id_, lambda note: note and replace(note, path=None))

    def get(self, id_: str) -> Note | None:
        """Give a note."""
        return _unpack(self._registers.read(_key(int(id_[:8], 16) % REGISTERS))).get(id_)

    def remove(self, id_: str) -> None:
        """Drop a note."""
        self.update(id_, lambda _: None)

    def older(self, before: float) -> Iterator[tuple[str, Note]]:
        """Give the notes that were last changed earlier than a time, with their ids."""
        for number in range(REGISTERS):
            for id_, note in _unpack(self._registers.read(_key(number))).items():
                if note.time < before:
                    yield id_, note


def _key(number: int) -> str:
    return f"journal/{number}"


def _pack(notes: dict[str, Note]) -> bytes:
    record = {id_: [note.time, note.parts, note.path, note.dead] for id_, note in notes.items()}
    return json.dumps(record, separators=(",", ":"), sort_keys=True).encode()


def _unpack(data: bytes | None) -> dict[str, Note]:
    if data is None:
        return {}
    return {
        id_: Note(changed, tuple(parts), path, dead)
        for id_, (changed, parts, path, dead) in json.loads(data).items()
    }
