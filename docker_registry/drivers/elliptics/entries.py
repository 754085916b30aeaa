"""What a directory is stored as: JSON with an entry a name."""

from __future__ import annotations

import base64
import json
import time
import uuid
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
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
class Shard:
    """Some of the entries of a directory.

    :ivar frozen: whether it is about to be replaced: nothing in it changes any more.
    """

    entries: dict[str, Entry]
    frozen: bool = False

    def pack(self) -> bytes:
        """Give the record's bytes."""
        return _dump({"entries": _pack_all(self.entries), "frozen": self.frozen})


@dataclass(frozen=True, slots=True)
class Directory:
    """The record of a directory.

    :ivar id: of this life of the directory; one that was left empty is dead, and gets another id
        when it comes back.
    :ivar died: when it was left empty, in seconds since the epoch; ``None`` while it is alive.
    :ivar shards: the least name and the id of each shard, in order, if that is where the entries
        are. The first has all lesser names too.
    """

    id: str
    died: float | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    shards: tuple[tuple[str, str], ...] = ()

    @property
    def alive(self) -> bool:
        """Whether it has, or is about to have, entries."""
        return self.died is None

    def with_entries(self, entries: dict[str, Entry]) -> Directory:
        """Give the directory with these entries and no others; without any it is dead."""
        return Directory(self.id, None if entries else time.time(), entries)

    def with_shards(self, shards: tuple[tuple[str, str], ...]) -> Directory:
        """Give the directory with its entries in these shards."""
        return Directory(self.id, shards=shards) if shards else self.with_entries({})

    def replacing(self, old: str, new: tuple[tuple[str, str], ...]) -> Directory:
        """Give the directory with other shards in the place of one, if it still has that one."""
        for place, (_, id_) in enumerate(self.shards):
            if id_ == old:
                return self.with_shards(self.shards[:place] + new + self.shards[place + 1 :])
        return self

    def place(self, name: str) -> int:
        """Give the number of the shard that a name belongs to."""
        return max(bisect_right(self.shards, name, key=lambda shard: shard[0]) - 1, 0)

    def pack(self) -> bytes:
        """Give the record's bytes."""
        return _dump(
            {
                "id": self.id,
                "died": self.died,
                "entries": _pack_all(self.entries),
                "shards": self.shards,
            }
        )


def unpack(data: bytes | None) -> Directory | None:
    """Read the record of a directory."""
    if data is None:
        return None
    with _reading():
        record = json.loads(data)
        shards = tuple((str(name), str(id_)) for name, id_ in record["shards"])
        return Directory(record["id"], record["died"], _unpack_all(record["entries"]), shards)


def unpack_shard(data: bytes | None) -> Shard | None:
    """Read the record of a shard."""
    if data is None:
        return None
    with _reading():
        record = json.loads(data)
        return Shard(_unpack_all(record["entries"]), record["frozen"])


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unavailable("Elliptics: the record of a directory can't be read") from error


def new_id() -> str:
    """Give an id that nothing else has."""
    return uuid.uuid4().hex


def _dump(record: dict[str, object]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def _pack_all(entries: dict[str, Entry]) -> dict[str, object]:
    return {name: _pack(entry) for name, entry in sorted(entries.items())}


def _unpack_all(entries: dict[str, dict[str, object]]) -> dict[str, Entry]:
    return {name: _unpack(entry) for name, entry in entries.items()}


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
