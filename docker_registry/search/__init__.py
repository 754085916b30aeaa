"""The index behind ``docker search`` and the catalog."""

from __future__ import annotations

from docker_registry.config import Settings
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.search.base import SearchIndex
from docker_registry.search.sql import SqlIndex
from docker_registry.search.thirdparty import ThirdPartyIndex

SQL = "sqlalchemy"


def create(settings: Settings, registry: Registry, legacy: LegacyStore) -> SearchIndex | None:
    """Build the index that the settings name, which follows both stores from then on.

    ``None`` when search is off.

    :raises ConfigError: there is no such index.
    """
    backend = settings.search_backend
    if backend is None:
        return None
    index = (
        SqlIndex(settings.sqlalchemy_index_database, registry, legacy)
        if backend == SQL
        else ThirdPartyIndex(backend, registry, legacy)
    )
    index.connect()
    index.prepare()
    return index
