"""The names of a directory that lies in several backends and their journals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from docker_registry.drivers.alternate.journal import GONE, ROOT, Journal
from docker_registry.drivers.alternate.member import Member
from docker_registry.drivers.base import Driver
from docker_registry.errors import PathNotFound


@dataclass(frozen=True, slots=True)
class Listing:
    """A directory.

    :ivar members: backends that may have something in it.
    """

    path: str
    members: Sequence[Member]
    journal: Journal

    def names(self, after: str, limit: int) -> list[str]:
        """Give at most ``limit`` names greater than ``after``, in order; see ``Driver.list``."""
        if self.journal.is_empty():
            return self._merge(after, limit)
        names: list[str] = []
        while len(names) < limit:
            page = self._merge(after, limit)
            names += filter(self._is_live, page)
            if len(page) < limit:
                break
            after = page[-1]
        return names[:limit]

    def _merge(self, after: str, limit: int) -> list[str]:
        names = set(self.journal.children(self.path, after, limit))
        for member in self.members:
            names.update(member.run(lambda driver: driver.list(self.path, after, limit)))
        return sorted(names)[:limit]

    def _is_live(self, name: str) -> bool:
        """Tell whether a name is more than deletions that wait to be healed, or the journal."""
        path = f"{self.path}/{name}" if self.path else name
        below = list(self.journal.paths(path))
        newest = [self.journal.newest(each, self.journal.members) for each in below]
        if any(entry is not None and entry.kind != GONE for entry in newest):
            return True
        return below != [path] and any(
            member.run(lambda driver: _has_content(driver, path)) for member in self.members
        )


def _has_content(driver: Driver, path: str) -> bool:
    """Tell whether there is anything at or below a path but a journal."""
    if path == ROOT:
        return False
    if not ROOT.startswith(f"{path}/"):
        return bool(driver.list(path, limit=1)) or _is_object(driver, path)
    return any(_has_content(driver, f"{path}/{name}") for name in driver.list(path, limit=2))


def _is_object(driver: Driver, path: str) -> bool:
    try:
        driver.stat(path)
    except PathNotFound:
        return False
    return True
