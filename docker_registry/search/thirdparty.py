"""Indexes of others, as docker-registry 0.9 loaded them.

``SEARCH_BACKEND=some.module`` names a module with a class ``Index``. Its ``results(search_term)``
gives a list of dictionaries with ``name`` and ``description``; the methods
``_handle_repository_created``, ``_handle_repository_updated`` and ``_handle_repository_deleted``
are called, where it has them, as there: with the sender and the keywords ``namespace``,
``repository`` and, but for the last one, ``value`` (for V1, the list of images). They are called
one after another, by a thread of each process that isn't a request's.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from docker_registry.errors import ConfigError
from docker_registry.legacy.names import DEFAULT_NAMESPACE
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.registry.names import RepositoryName
from docker_registry.registry.selection import EVERYTHING, Selection
from docker_registry.search.base import IndexUnavailable, SearchIndex, SearchPage, SearchResult
from docker_registry.search.listed import ListedName
from docker_registry.search.writer import Writer

log = logging.getLogger(__name__)

_CREATED, _UPDATED = "_handle_repository_created", "_handle_repository_updated"
_DELETED = "_handle_repository_deleted"


class Backend(Protocol):
    """What the class ``Index`` of such a module must have."""

    def results(self, search_term: str) -> list[Mapping[str, Any]]:
        """Give the repositories that match; all for an empty term."""


class ThirdPartyIndex(SearchIndex):
    """An index that another package keeps.

    :param module: its path, as in an import.
    :raises ConfigError: there is no such index.
    """

    def __init__(self, module: str, registry: Registry, legacy: LegacyStore) -> None:
        self._registry = registry
        self._legacy = legacy
        self._backend = _load(module)
        self._writer = Writer()

    def search(
        self, query: str, page: int = 1, page_size: int = 25, selection: Selection = EVERYTHING
    ) -> SearchPage:
        """Ask the backend for everything, and give a page of what was chosen of it."""
        try:
            found = self._backend.results(query)
            if not selection.is_everything:
                found = [entry for entry in found if _is_chosen(str(entry["name"]), selection)]
            results = tuple(map(_result, found[(page - 1) * page_size : page * page_size]))
            return SearchPage(len(found), results)
        except Exception as error:
            raise IndexUnavailable(f"the search backend failed: {error!r}") from error

    def connect(self) -> None:
        """Tell the backend of pushed and deleted repositories."""
        self._registry.events.manifest_pushed.connect(self._pushed)
        self._registry.events.manifest_deleted.connect(self._manifest_deleted)
        self._registry.events.repository_deleted.connect(self._deleted)
        v1 = self._legacy.events
        v1.repository_created.connect(self._v1_created)
        v1.repository_updated.connect(self._v1_updated)
        v1.repository_deleted.connect(self._v1_deleted)

    def _pushed(self, sender: object, repository: RepositoryName, **_: object) -> None:
        # 0.9 said "created" for the first push and "updated" for all others. Backends index in
        # both, and which push is the first one can't be told among many workers.
        namespace, _slash, name = repository.rpartition("/")
        self._tell((_UPDATED, _CREATED), sender, namespace or DEFAULT_NAMESPACE, name, value="")

    def _manifest_deleted(self, sender: object, repository: RepositoryName, **_: object) -> None:
        # With its last manifest a repository is gone, as if it had been deleted itself.
        if not self._registry.repositories.exists(repository):
            self._deleted(sender, repository)

    def _deleted(self, sender: object, repository: RepositoryName) -> None:
        v1 = V1Name.of_listed(repository)
        if v1 is None or not self._legacy.repositories.has_tags(v1):
            namespace, _, name = repository.rpartition("/")
            self._tell((_DELETED,), sender, namespace or DEFAULT_NAMESPACE, name)

    def _v1_created(self, sender: object, namespace: str, repository: str, value: object) -> None:
        self._tell((_CREATED, _UPDATED), sender, namespace, repository, value=value)

    def _v1_updated(self, sender: object, namespace: str, repository: str, value: object) -> None:
        self._tell((_UPDATED, _CREATED), sender, namespace, repository, value=value)

    def _v1_deleted(self, sender: object, namespace: str, repository: str) -> None:
        listed = ListedName.of_v1(namespace, repository)
        todays = listed.todays if listed is not None else None
        if todays is None or not self._registry.repositories.exists(todays):
            self._tell((_DELETED,), sender, namespace, repository)

    def _tell(
        self, handlers: Sequence[str], sender: object, namespace: str, name: str, **more: object
    ) -> None:
        """Call the first of the handlers that the backend has."""
        for handler in handlers:
            method = getattr(self._backend, handler, None)
            if method is not None:
                change = partial(method, sender, namespace=namespace, repository=name, **more)
                try:
                    self._writer.make(change)
                except TimeoutError:
                    log.warning("the search backend takes its time for %s/%s", namespace, name)
                return


def _is_chosen(name: str, selection: Selection) -> bool:
    """Tell whether all that a backend's name may mean is chosen.

    Backends are told of ``ubuntu`` as of ``library/ubuntu``, which may be a repository as well.
    """
    meant = {name, name.removeprefix(f"{DEFAULT_NAMESPACE}/")}
    return all(ListedName(one).todays is not None and one in selection for one in meant)


def _result(entry: Mapping[str, Any]) -> SearchResult:
    return SearchResult(str(entry["name"]), str(entry.get("description") or ""))


def _load(module: str) -> Backend:
    try:
        found = importlib.import_module(module)
    except (ImportError, TypeError, ValueError) as error:
        raise ConfigError(
            f"search_backend (SEARCH_BACKEND) is {module!r}, which can't be imported ({error}): "
            "it must be sqlalchemy, none, or the path of an installed module with a class Index"
        ) from error
    if not hasattr(found, "Index"):
        raise ConfigError(
            f"search_backend (SEARCH_BACKEND): the module {module} has no class Index"
        )
    backend: Backend = found.Index()
    return backend
