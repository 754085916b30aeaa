"""Large objects: segments, and a manifest that makes them one object.

Swift API, "Static large objects". The segments of one append are a group::

    <container>_segments/<prefix>.segments/<group>/<number>       a segment
    <container>_segments/<prefix>.segments/<group>/owner=<name>   the object it was meant for
    <container>_segments/<prefix>.segments/<group>/dropped        nobody may make an object of it

They may also lie in the container of the objects: a temporary URL that is signed with a container's
key, as registry:2 does, gives nothing that lies elsewhere. No path begins with a dot, so they never
meet an object.

The owner is noted before the manifest is stored. So a group without one belongs to an upload, or
to nobody; and of a group with one the manifest of that object tells whether it uses it. Where the
server gives no manifest, the content type of the object tells: it names the first group.

Who commits notes the owner and then looks whether the group is dropped; who drops notes that and
then looks for an owner. So at least one of the two sees the other, and no object is made of
segments that are being deleted.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Any
from urllib.parse import quote, unquote

from docker_registry.drivers.blocks import in_parallel
from docker_registry.drivers.parts import Part
from docker_registry.drivers.swift.client import BYTES, Container
from docker_registry.drivers.swift.errors import swift_errors
from docker_registry.errors import PathNotFound, QuotaExceeded, StorageError

MIB = 1024 * 1024
#: Sizes of segments, and how many have each: in all 1,000, the most that a manifest may have by
#: default (max_manifest_segments), and 134 GiB.
STEPS = ((8 * MIB, 250), (32 * MIB, 250), (256 * MIB, 500))
#: How many segments of one upload are on their way at a time.
IN_FLIGHT = 2
#: How many Swift copies at a time.
COPIES = 4

#: Has a PUT store a manifest.
MANIFEST = "multipart-manifest=put"

#: What the manifest says of a segment that is whole, and lies in an object of its own.
_PLAIN = {"path", "etag", "size_bytes"}
#: Where segments lie; no path has such a component.
DIRECTORY = ".segments"

_OWNER = "owner="
_DROPPED = "dropped"
_MARK = f"{BYTES}; segments="

#: Name, MD5 and size in bytes.
Segment = tuple[str, str, int]


def sizes() -> Iterator[int]:
    """Give the size of each segment, in bytes; raise when there can't be another."""
    yield from chain.from_iterable(repeat(size, count) for size, count in STEPS)
    raise QuotaExceeded("an object of more segments than a manifest holds can't be stored")


class Segments:
    """The segments of a store.

    :param container: where they lie.
    :param objects: the container of the objects that are made of them; it may be the same.
    :param prefix: what all names of the store begin with: empty, or ends with a slash.
    :ivar prefix: what the names of segments begin with.
    """

    def __init__(self, container: Container, objects: Container, prefix: str) -> None:
        self.container = container
        self._objects = objects
        self.prefix = f"{prefix}{DIRECTORY}/"

    def store(self, parts: Iterable[Part]) -> tuple[str, list[Segment]]:
        """Store the parts as the segments of a new group, and give its name and them, in order.

        If anything fails, no segment is left.
        """
        group = uuid.uuid4().hex
        stored: dict[int, Segment] = {}
        lock = threading.Lock()

        def put(numbered: tuple[int, Part]) -> None:
            number, part = numbered
            name = f"{self.prefix}{group}/{number:06}"
            try:
                md5 = self.container.put(name, part)
            finally:
                part.release()
            with lock:
                stored[number] = name, md5, len(part)

        try:
            in_parallel(put, enumerate(parts), IN_FLIGHT)
        except BaseException:
            # What can't be deleted now is swept some day; what went wrong first is what matters.
            with suppress(StorageError):
                self.container.delete_all(name for name, *_ in stored.values())
            raise
        return group, [stored[number] for number in sorted(stored)]

    def copy(self, segments: Iterable[Segment]) -> tuple[str, list[Segment]]:
        """Let Swift copy segments, as a new group, and give its name and the copies, in order.

        What becomes of them when anything fails is left to the sweep.
        """
        group = uuid.uuid4().hex
        copies = [
            (name, (f"{self.prefix}{group}/{number:06}", md5, size))
            for number, (name, md5, size) in enumerate(segments)
        ]
        in_parallel(lambda pair: self.container.copy(pair[0], pair[1][0]), copies, COPIES)
        return group, [copied for _, copied in copies]

    def of(self, name: str, most: int) -> list[Segment] | None:
        """Give the segments of a large object, if they are ours and small enough.

        ``None`` if not, and if Swift doesn't tell.

        :param most: bytes that each may have.
        """
        entries = _entries_of(self._objects, name) or []
        plain = [entry for entry in entries if set(entry) <= _PLAIN]
        found = [
            (str(entry["path"]).lstrip("/"), str(entry["etag"]), int(entry["size_bytes"]))
            for entry in plain
        ]
        ours = f"{self.container.name}/"
        if len(plain) < len(entries) or not all(
            path.startswith(ours) and size <= most for path, _, size in found
        ):
            return None
        return [(path.removeprefix(ours), md5, size) for path, md5, size in found] or None

    def own(self, groups: Iterable[str], owner: str) -> None:
        """Note the object that groups are for, all under the mark of the first."""
        known = list(groups)
        for group in known:
            name = f"{self.prefix}{group}/{_OWNER}{quote(owner, safe='')}"
            self.container.put(name, Part([known[0].encode()]))

    def claim(self, groups: Iterable[str], owner: str) -> None:
        """Note the object that groups are for; ``PathNotFound`` if one was dropped."""
        known = list(groups)
        self.own(known, owner)
        for group in filter(self._is_dropped, known):
            raise PathNotFound(f"{self.container.where(group)}: the upload was given up")

    def manifest(self, segments: Iterable[Segment]) -> bytes:
        """Give the manifest of an object that has these segments."""
        return json.dumps(
            [
                {"path": f"/{self.container.name}/{name}", "etag": md5, "size_bytes": size}
                for name, md5, size in segments
            ]
        ).encode()

    def drop(self, group: str) -> None:
        """Delete a group, unless it may belong to an object."""
        self.container.put(f"{self.prefix}{group}/{_DROPPED}", Part([]))
        names = [entry["name"] for entry in self._entries(f"{self.prefix}{group}/")]
        if not any(_is_owner(name) for name in names):
            self.container.delete_all(names)

    def sweep(self, before: float) -> int:
        """Delete the groups that nothing uses and that are older, and give their number."""
        swept = 0
        for entries in self._groups():
            if max(map(_modified, entries)) >= before:
                continue
            names = [entry["name"] for entry in entries]
            notes = [name for name in names if _is_owner(name)]
            if not notes:
                self.drop(_directory(entries[0]).removeprefix(self.prefix))
            elif any(self._in_use(note) for note in notes):
                continue
            else:
                self.container.delete_all(sorted(names, key=_is_owner))
            swept += 1
        return swept

    def _is_dropped(self, group: str) -> bool:
        try:
            self.container.head(f"{self.prefix}{group}/{_DROPPED}")
        except PathNotFound:
            return False
        return True

    def _in_use(self, note: str) -> bool:
        """Tell whether the object that a note names uses the segments beside it, or might."""
        directory, _, owner = note.partition(f"/{_OWNER}")
        owner = unquote(owner)
        try:
            found = self._objects.head(owner)
            if "x-static-large-object" not in found:
                return False
            parts = parts_of(self._objects, owner)
            if parts is not None:
                return any(name.startswith(f"{directory}/") for _, name in parts)
            _, body = self.container.get(note)
        except PathNotFound:
            return False
        with swift_errors(self.container.where(note)):
            first = body.read().decode() if body else ""
        marked = found.get("content-type", "").partition(_MARK)[2]
        return not (marked and first) or marked == first

    def _groups(self) -> Iterator[list[dict[str, Any]]]:
        group: list[dict[str, Any]] = []
        for entry in self._entries(self.prefix):
            if group and _directory(entry) != _directory(group[0]):
                yield group
                group = []
            group.append(entry)
        if group:
            yield group

    def _entries(self, prefix: str) -> Iterator[dict[str, Any]]:
        return chain.from_iterable(self.container.pages(prefix))


def parts_of(container: Container, name: str) -> list[tuple[str, str]] | None:
    """Give container and name of each segment of a large object.

    ``None`` if Swift doesn't tell.
    """
    entries = _entries_of(container, name)
    if entries is None:
        return None
    paths = [str(entry["path"]).lstrip("/").partition("/") for entry in entries]
    return [(path[0], path[2]) for path in paths]


def _entries_of(container: Container, name: str) -> list[dict[str, Any]] | None:
    """Give the manifest of a large object; ``None`` from Ceph's gateway, which gives none."""
    _, body = container.get(name, query="multipart-manifest=get&format=raw")
    with swift_errors(container.where(name)):
        content = body.read()
        body.close()
    return list(json.loads(content)) if content else None


def mark(groups: Sequence[str]) -> str:
    """Give the content type of an object whose segments are of these groups."""
    return f"{_MARK}{groups[0]}"


def _is_owner(name: str) -> bool:
    return name.rpartition("/")[2].startswith(_OWNER)


def _directory(entry: dict[str, Any]) -> str:
    return str(entry["name"]).rpartition("/")[0]


def _modified(entry: dict[str, Any]) -> float:
    # Without a zone, in UTC.
    return datetime.fromisoformat(entry["last_modified"]).replace(tzinfo=UTC).timestamp()
