"""Repositories: which there are, and taking one away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from docker_registry.drivers.base import Driver
from docker_registry.errors import NameInvalid, NameUnknown, PathNotFound
from docker_registry.registry import layout
from docker_registry.registry.events import Events
from docker_registry.registry.names import RepositoryName
from docker_registry.registry.selection import EVERYTHING, Selection
from docker_registry.registry.walk import walk


class Repositories:
    """All repositories. One is there as long as it has a manifest or a tag."""

    def __init__(self, driver: Driver, events: Events) -> None:
        self._driver = driver
        self._events = events

    def exists(self, name: str) -> bool:
        """Whether there is such a repository."""
        return bool(self._driver.list(layout.manifests(name), limit=1))

    def iterate(self, after: str = "", selection: Selection = EVERYTHING) -> Iterator[str]:
        """Give the names greater than ``after``, in byte order, while walking the storage.

        :param selection: which of them; directories that have none aren't read.
        """
        return self._walk(after, selection, self.exists)

    def iterate_uploading(self) -> Iterator[RepositoryName]:
        """Give the repositories that have upload sessions, with or without anything else."""

        def has_uploads(name: str) -> bool:
            return bool(self._driver.list(layout.uploads(name), limit=1))

        return map(RepositoryName, self._walk("", EVERYTHING, has_uploads))

    def delete(self, name: RepositoryName) -> None:
        """Remove a repository with its tags, manifests, links and uploads.

        Repositories below it (``team/app`` below ``team``) stay. ``NameUnknown`` if it is not
        there. Tags go first, so that a crash leaves none without its manifest.
        """
        if not self.exists(name):
            raise NameUnknown("there is no such repository", {"name": name})
        for path in (
            layout.tags(name),
            layout.manifests(name),
            layout.referrers_root(name),
            layout.layers(name),
            layout.uploads(name),
            # Once more: what was pushed since then may need blobs that have gone meanwhile.
            layout.tags(name),
            layout.manifests(name),
        ):
            try:
                self._driver.delete(path)
            except PathNotFound:
                continue
        self._events.announce(self._events.repository_deleted, repository=name)

    def _walk(
        self, after: str, selection: Selection, wanted: Callable[[str], bool]
    ) -> Iterator[str]:
        """Give the wanted names greater than ``after``, in byte order."""
        for name in walk(self._children, after, selection):
            if _is_name(name) and wanted(name):
                yield name

    def _children(self, prefix: str, after: str) -> Iterator[str]:
        for child in self._driver.iterate(layout.repository(prefix).rstrip("/"), after):
            if not child.startswith("_"):
                yield f"{prefix}{child}"
                yield f"{prefix}{child}/"


def _is_name(text: str) -> bool:
    try:
        RepositoryName.parse(text)
    except NameInvalid:
        return False
    return True
