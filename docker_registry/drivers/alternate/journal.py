"""What alternates keep for a backend that could not take it.

The journal of an alternate lies in the alternate itself::

    docker/registry/ours/journal/<path>/@<time>-<random>.<kind>

An entry is an object of its own, whose name nobody uses twice, so whoever brings home what it saw
removes exactly that, and can't lose what came meanwhile. Of several entries the newest counts.

``put``
    is a small object itself.
``here``
    says that the alternate has the object at its own path (large ones: blobs).
``gone``
    says that the object was deleted.

As long as a path has an entry, each change of it is an entry too, in the same alternate or a later
one; healing alone ends that.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from docker_registry.drivers.alternate.member import FAILURES, Member
from docker_registry.drivers.base import Driver
from docker_registry.errors import PathNotFound

#: Directory of the journal.
ROOT = "docker/registry/ours/journal"

#: Begins the name of an entry; no name of a repository, tag or image has it.
_MARK = "@"

PUT, HERE, GONE = "put", "here", "gone"

#: Seconds for which an empty journal is taken to stay empty. Another process may have begun to
#: use it since, so for that long this one may read what the primary had before.
TRUST = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a journal.

    :ivar member: whose journal it is.
    :ivar path: of the object it is about.
    :ivar name: of the entry; later ones are greater.
    """

    member: Member
    path: str
    name: str

    @property
    def kind(self) -> str:
        """``put``, ``here`` or ``gone``."""
        return self.name.rpartition(".")[2]

    @property
    def place(self) -> str:
        """Path at which the alternate has the object's bytes."""
        return self.path if self.kind == HERE else self.record

    @property
    def record(self) -> str:
        """Path of the entry itself."""
        return f"{ROOT}/{self.path}/{self.name}"


class Journal:
    """The journals of all alternates of a chain.

    :ivar members: the backends that keep one.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = tuple(members)
        self._empty = True
        self._looked = -TRUST
        self._added = 0

    def add(self, member: Member, path: str, kind: str, data: bytes = b"") -> None:
        """Make an entry, durably."""
        # Wide enough for this millennium, so that names sort as times do.
        name = f"{_MARK}{time.time_ns():020}-{secrets.token_hex(4)}.{kind}"
        entry = Entry(member, path, name)
        member.run(lambda driver: driver.put_content(entry.record, data))
        self._added += 1
        self._empty = False

    def look(self) -> bool:
        """Ask whether there is any entry; raises ``StorageError`` if that can't be asked."""
        looked, added = time.monotonic(), self._added
        found, failure = False, None
        for member in self.members:
            try:
                found = found or bool(member.run(lambda driver: driver.list(ROOT, limit=1)))
            except FAILURES as error:
                failure = error
        if failure is not None and not found:
            raise failure
        if added == self._added:
            self._empty, self._looked = not found, looked
        return found

    def is_empty(self) -> bool:
        """Tell whether there is no entry at all, as far as is known without asking each time.

        A journal that can't be asked stays what it was.
        """
        if time.monotonic() - self._looked > TRUST:
            try:
                self.look()
            except FAILURES:
                return self._empty
        return self._empty

    def newest(self, path: str, members: Sequence[Member]) -> Entry | None:
        """Give the entry that counts for a path, of those that some members have.

        ``Unavailable`` when it might be in a journal that can't be asked.
        """
        if self.is_empty():
            return None
        # A later member has entries only since those before it could take none, so its are newer.
        for member in reversed(members):
            entries = self.entries(path, [member])
            if entries:
                return max(entries, key=lambda entry: entry.name)
        return None

    def entries(self, path: str, members: Sequence[Member]) -> list[Entry]:
        """Give all entries for a path, of those that some members have."""
        found = []
        for member in members:
            names = member.run(lambda driver: list(driver.iterate(f"{ROOT}/{path}")))
            found += [Entry(member, path, name) for name in names if name.startswith(_MARK)]
        return found

    def children(self, path: str, after: str, limit: int) -> list[str]:
        """Give names of a directory below which there are entries, of whatever kind, in order."""
        if self.is_empty():
            return []
        names: set[str] = set()
        for member in self.members:
            names.update(member.run(lambda driver: _names(driver, path, after, limit)))
        return sorted(names)[:limit]

    def paths(self, path: str = "") -> Iterator[str]:
        """Give every path at or below ``path`` that has entries; some more than once."""
        for member in self.members:
            yield from member.run(lambda driver: _walk(driver, path))

    def remove(self, entries: Iterable[Entry]) -> None:
        """Remove entries. They may be gone already."""
        for entry in entries:
            _forget(entry)


def _names(driver: Driver, path: str, after: str, limit: int) -> list[str]:
    directory = f"{ROOT}/{path}" if path else ROOT
    names: list[str] = []
    for name in driver.iterate(directory, after):
        if not name.startswith(_MARK):
            names.append(name)
        if len(names) == limit:
            break
    return names


def _walk(driver: Driver, path: str) -> Iterator[str]:
    has_entries = False
    for name in driver.iterate(f"{ROOT}/{path}" if path else ROOT):
        if not name.startswith(_MARK):
            yield from _walk(driver, f"{path}/{name}" if path else name)
        elif not has_entries:
            has_entries = True
            yield path


def _forget(entry: Entry) -> None:
    try:
        entry.member.run(lambda driver: driver.delete(entry.record))
    except PathNotFound:
        return
