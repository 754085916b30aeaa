"""What a search index can do, whatever keeps it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from docker_registry.registry.selection import EVERYTHING, Selection


class IndexUnavailable(Exception):
    """The index can't be asked at the moment; what is missed meanwhile is repaired later."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A repository that was found."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of what was found, best first.

    :ivar total: number of results on all pages; an index may give the best of very many only.
    """

    total: int
    results: tuple[SearchResult, ...]


class SearchIndex(ABC):
    """An index of the repositories of one registry, of today and of V1, derived from its storage.

    Making one touches neither database nor storage, so it can be made before a server forks.
    """

    @abstractmethod
    def search(
        self, query: str, page: int = 1, page_size: int = 25, selection: Selection = EVERYTHING
    ) -> SearchPage:
        """Find the repositories that match every word of ``query``; all when it has none.

        :param page: counted from 1.
        :param page_size: results a page.
        :param selection: of which repositories. Names that are of V1 only are found where it is
            everything.
        :raises IndexUnavailable: the index can't be asked.
        """

    def repositories(
        self, after: str, limit: int, selection: Selection = EVERYTHING
    ) -> list[str] | None:
        """Give at most ``limit`` chosen names of today greater than ``after``, in byte order.

        ``None`` when the index doesn't know them all (at the moment): ask the storage then.
        """
        return None

    @abstractmethod
    def connect(self) -> None:
        """Follow the events of both stores from now on."""

    def prepare(self) -> None:  # noqa: B027 - most indexes have nothing to prepare.
        """Do before the first request what would hold it up; trouble is for ``repair``."""

    def repair(self) -> None:  # noqa: B027 - an index that misses nothing has nothing to do.
        """Catch up with what was missed. To be called now and then, in the process that serves."""

    def reconcile(self) -> None:  # noqa: B027 - an index that others keep is theirs to compare.
        """Compare with all of the storage and mend what differs.

        A process that is killed between changing the storage and telling the index leaves a
        difference that no client was told of, and no mark: this finds it.
        """
