"""The driver ``elliptics``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, ClassVar

from docker_registry.drivers.base import Driver, Reader, Stat, UploadState
from docker_registry.drivers.elliptics.client import Cluster
from docker_registry.drivers.elliptics.directories import Directories
from docker_registry.drivers.elliptics.entries import Object, Part, Subdirectory, new_id
from docker_registry.drivers.elliptics.journal import Journal, Note
from docker_registry.drivers.elliptics.parts import Parts
from docker_registry.drivers.elliptics.records import Records
from docker_registry.drivers.elliptics.register import Registers
from docker_registry.drivers.elliptics.replicas import Replicas
from docker_registry.drivers.elliptics.settings import cluster_of
from docker_registry.errors import PathNotFound, Unavailable

if TYPE_CHECKING:
    from docker_registry.config import Settings

#: Objects up to so many bytes lie in their directory.
INLINE = 8 * 1024


class EllipticsDriver(Driver):
    """Objects in the groups of an Elliptics cluster.

    :param groups: the groups that each hold everything; more than half must work.
    :param namespace: of our keys.
    """

    name: ClassVar[str] = "elliptics"

    def __init__(self, cluster: Cluster, groups: list[int], namespace: str = "DOCKER") -> None:
        replicas = Replicas(cluster, groups, namespace)
        self._registers = Registers(replicas)
        self._journal = Journal(self._registers)
        self._directories = Directories(Records(self._registers), self._note_dead)
        self._parts = Parts(replicas)

    @classmethod
    def from_settings(cls, settings: Settings) -> EllipticsDriver:
        """Take nodes, groups, namespace and time-outs; ``storage_path`` doesn't matter."""
        cluster = cluster_of(settings)
        return cls(cluster, settings.elliptics_groups, settings.elliptics_namespace)

    def get_content(self, path: str) -> bytes:
        """Take the bytes from the directory, or from the parts that it names."""
        with self.reader(path) as reader:
            return b"".join(reader)

    def put_content(self, path: str, data: bytes) -> None:
        """Put the bytes into the directory, or write a part and name it there."""
        if len(data) <= INLINE:
            self._place(path, Object(len(data), time.time(), bytes(data)))
        else:
            self.write(path, [data], path)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> Reader:
        """Look the object up; its chunks are fetched as they are asked for, a few ahead."""
        return EllipticsReader(self._parts, self._directories.find(path), offset, length)

    def stat(self, path: str) -> Stat:
        """Look the object up."""
        found = self._directories.find(path)
        return Stat(found.size, found.modified)

    def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
        """Read the directory, or those of its shards where the names are."""
        return [name for name, _ in islice(self._directories.entries(path, after), limit)]

    def touch(self, path: str) -> None:
        """Change the time in the directory."""

        def renew(found: Object | None) -> Object:
            if found is None:
                raise PathNotFound(f"{path}: not in Elliptics")
            return found.touched()

        self._directories.find(path)
        self._directories.update(path, renew)

    def delete(self, path: str) -> None:
        """Take the entry out of its directory, then remove the chunks; a tree from below."""
        if next(self._directories.entries(path), None):
            self._delete_tree(path)
            return
        with suppress(PathNotFound):
            self._note_parts(path, self._directories.find(path))
        self._release(self._directories.remove(path))

    def start_upload(self, path: str) -> UploadState:
        """Give the state of an upload without parts."""
        return {"id": new_id(), "parts": []}

    def append(self, state: UploadState, chunks: Iterable[bytes]) -> UploadState:
        """Write a new part."""
        data = filter(None, chunks)
        first = next(data, None)
        if first is None:
            return state
        known = tuple(part.id for part in _parts_of(state))
        part = self._write_part(state["id"], known, None, chain([first], data))
        return {**state, "parts": [*state["parts"], [part.id, part.size]]}

    def upload_content(self, state: UploadState) -> Iterator[bytes]:
        """Read the parts, one after another."""
        parts = _parts_of(state)
        return self._parts.read(parts, 0, sum(part.size for part in parts))

    def commit(self, state: UploadState, path: str) -> None:
        """Name the parts in the directory."""
        parts = _parts_of(state)
        if not parts:
            self._place(path, Object(0, time.time(), b""))
            return
        note = self._journal.claim(state["id"], path)
        size = sum(part.size for part in parts)
        try:
            self._place(path, Object(size, time.time(), parts=tuple(parts)))
        except Exception:
            self._journal.release(state["id"])
            raise
        self._clear(state["id"], set(note.parts) - {part.id for part in parts})

    def abort(self, state: UploadState) -> None:
        """Remove the parts, unless they were committed."""
        note = self._journal.get(state["id"])
        if note is not None and note.path is None:
            self._clear(state["id"], note.parts)

    def write(self, directory: str, chunks: Iterable[bytes], path: str) -> None:
        """Write a part and name it in the directory; few bytes go there at once."""
        data = iter(chunks)
        head = bytearray()
        while len(head) <= INLINE and (chunk := next(data, None)) is not None:
            head += chunk
        if len(head) <= INLINE:
            self._place(path, Object(len(head), time.time(), bytes(head)))
            return
        id_ = new_id()
        part = self._write_part(id_, (), path, chain([bytes(head)], data))
        self._place(path, Object(part.size, time.time(), parts=(part,)))
        self._journal.remove(id_)

    def sweep(self, before: float) -> int:
        """Go through the journal: parts that no object has, and records of dead directories."""
        count = 0
        for id_, note in self._journal.older(before):
            if note.dead is not None:
                if self._directories.forget(note.dead, before):
                    count += 1
                    self._journal.remove(id_)
                continue
            unused = set(note.parts) - self._used(note.path)
            count += sum(self._parts.delete_unknown(part) for part in unused)
            self._journal.remove(id_)
        return count

    def check(self) -> None:
        """Change a register of its own: more than half of the groups must take that."""
        try:
            self._registers.change("check", lambda _: new_id().encode())
        except Unavailable as error:
            raise Unavailable(
                f"{error} (see elliptics_nodes, ELLIPTICS_NODES, for where the nodes are, and "
                "elliptics_groups, ELLIPTICS_GROUPS, for the groups that they hold)"
            ) from error

    def _place(self, path: str, new: Object) -> None:
        """Put an object at its path, and remove the chunks of the one it replaces."""
        noted: list[Object] = []

        def change(found: Object | None) -> Object:
            if found is not None and found.parts and found not in noted:
                raise _Unnoted(found)
            return new

        while True:
            try:
                replaced = self._directories.update(path, change)
            except _Unnoted as unnoted:
                self._note_parts(path, unnoted.object)
                noted.append(unnoted.object)
            else:
                break
        for old in noted:
            if old == replaced and old.parts != new.parts:
                self._release(old)
            else:
                self._journal.remove(old.parts[0].id)

    def _write_part(
        self, note: str, known: tuple[str, ...], path: str | None, chunks: Iterable[bytes]
    ) -> Part:
        """Write a new part; the journal knows it before, so that a crash leaves no orphan."""
        id_ = new_id()
        self._journal.add(note, (*known, id_), path)
        try:
            return self._parts.write(id_, chunks)
        except Exception:
            with suppress(Unavailable):
                self._parts.delete_unknown(id_)
                if not known:
                    self._journal.remove(note)
            raise

    def _delete_tree(self, path: str) -> None:
        entries = dict(self._directories.entries(path))
        for name, entry in entries.items():
            if isinstance(entry, Subdirectory):
                below = f"{path}/{name}"
                self._delete_tree(below)
                self._directories.clear_away(below)
            else:
                self._note_parts(f"{path}/{name}", entry)
        known = list(entries.values())
        for taken in self._directories.empty(path, lambda entry: not entry.parts or entry in known):
            self._release(taken)

    def _note_parts(self, path: str, found: Object) -> None:
        """Note an object's parts before they may lose their object."""
        if found.parts:
            ids = tuple(part.id for part in found.parts)
            self._journal.add(ids[0], ids, path)

    def _release(self, gone: Object) -> None:
        """Remove the chunks of an object that is gone."""
        if gone.parts:
            self._parts.delete(gone.parts)
            self._journal.remove(gone.parts[0].id)

    def _clear(self, note: str, unused: Iterable[str]) -> None:
        """Remove parts that an upload has no use for, and its note."""
        for id_ in unused:
            self._parts.delete_unknown(id_)
        self._journal.remove(note)

    def _used(self, path: str | None) -> set[str]:
        if path is None:
            return set()
        try:
            return {part.id for part in self._directories.find(path).parts}
        except PathNotFound:
            return set()

    def _note_dead(self, path: str) -> None:
        self._journal.update(new_id(), lambda _: Note(time.time(), dead=path))


class EllipticsReader(Reader):
    """An object, or a part of it; the chunks are never changed, so nothing can mix."""

    def __init__(self, parts: Parts, found: Object, offset: int, length: int | None) -> None:
        self.size = found.size
        rest = max(found.size - offset, 0)
        self.length = rest if length is None else min(length, rest)
        self._parts = parts
        self._object = found
        self._offset = offset

    def __iter__(self) -> Iterator[bytes]:
        if not self.length:
            return
        if self._object.data is not None:
            yield self._object.data[self._offset : self._offset + self.length]
        else:
            yield from self._parts.read(self._object.parts, self._offset, self.length)

    def close(self) -> None:
        """Do nothing: iterating ends what it began."""


class _Unnoted(Exception):
    """An object is about to be replaced whose parts are not in the journal yet."""

    def __init__(self, found: Object) -> None:
        super().__init__()
        self.object = found


def _parts_of(state: UploadState) -> list[Part]:
    return [Part(id_, size) for id_, size in state["parts"]]
