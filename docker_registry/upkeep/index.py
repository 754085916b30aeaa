"""The search index catches up with what it missed while its database was away."""

from __future__ import annotations

from docker_registry.search.base import SearchIndex


class IndexRepair:
    """Has an index repaired."""

    name = "repair-index"

    def __init__(self, index: SearchIndex) -> None:
        self._index = index

    def run(self) -> None:
        """Repair it."""
        self._index.repair()
