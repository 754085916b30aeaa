"""What a directory is stored as: JSON with an entry a name."""

from __future__ import annotations

import base64
import json
import time
import uuid
from dataclasses import dataclass, field, replace

from docker_registry.errors import Unavailable

#: Bytes of a chunk object. A reader gives one at a time.
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes that were written in one go: chunks of ``CHUNK`` bytes under keys of their own."""

    id: str
    size: int

    def keys(self) -> list[str]:
        """Give the keys of its chunks, in order."""
        return [self.key(number) for number in range(-(-self.size // CHUNK))]

    def key(self, number: int) -> str:
        """Give the key of a chunk."""
        return f"chunk/{self.id}/{number}"


@dataclass(frozen=True, slots=True)
class Object:
    """An object: its bytes here, if they are few, or the parts that hold them.

    :ivar modified: seconds since the epoch.
    """

    size: int
    modified: float
    data: bytes | None = None
    parts: tuple[Part, ...] = ()

    def touched(self) -> Object:
        """Give the same object, as old as now."""
        return replace(self, modified=time.time())


@dataclass(frozen=True, slots=True)
class Subdirectory:
    """A directory below. Its record has the same id as long as this entry is valid."""

    id: str


Entry = Object | Subdirectory


@dataclass(frozen=True, slots=True)
class Directory:
    """The record of a directory.

    :ivar id: of this life of the directory; one that was left empty is dead, and gets another id
        when it comes back.
    :ivar died: when it was left empty, in seconds since the epoch; ``None`` while it is alive.
    """

    id: str
    died: float | None = None
    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        """Whether it has, or is about to have, entries."""
        return self.died is None

    def with_entries(self, entries: dict[str, Entry]) -> Directory:
        """Give the directory with these entries and no others; without any it is dead."""
        return Directory(self.id, None if entries else time.time(), entries)

    def with_entry(self, name: str, entry: Entry | None) -> Directory:
        """Give the directory with an entry set, or taken out."""
        entries = {other: old for other, old in self.entries.items() if other != name}
        if entry is not None:
            entries[name] = entry
        return self.with_entries(entries)

    def pack(self) -> bytes:
        """Give the record's bytes."""
        record = {
            "id": self.id,
            "died": self.died,
            "entries": {name: _pack(entry) for name, entry in sorted(self.entries.items())},
        }
        return json.dumps(record, separators=(",", ":")).encode()


def unpack(data: bytes | None) -> Directory | None:
    """Read a record."""
    if data is None:
        return None
    try:
        record = json.loads(data)
        entries = {name: _unpack(entry) for name, entry in record["entries"].items()}
        return Directory(record["id"], record["died"], entries)
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable("Elliptics: the record of a directory can't be read") from error


def new_id() -> str:
    """Give an id that nothing else has."""
    return uuid.uuid4().hex


def _pack(entry: Entry) -> dict[str, object]:
    if isinstance(entry, Subdirectory):
        return {"directory": entry.id}
    packed: dict[str, object] = {"size": entry.size, "modified": entry.modified}
    if entry.data is not None:
        packed["data"] = base64.b64encode(entry.data).decode()
    else:
        packed["parts"] = [[part.id, part.size] for part in entry.parts]
    return packed


def _unpack(packed: dict[str, object]) -> Entry:
    if "directory" in packed:
        return Subdirectory(str(packed["directory"]))
    size, modified = packed["size"], packed["modified"]
    if not isinstance(size, int) or not isinstance(modified, int | float):
        raise TypeError("size and modified are numbers")
    if "data" in packed:
        return Object(size, modified, base64.b64decode(str(packed["data"])))
    parts = packed["parts"]
    if not isinstance(parts, list):
        raise TypeError("parts are a list")
    return Object(size, modified, parts=tuple(Part(str(id_), int(n)) for id_, n in parts))
