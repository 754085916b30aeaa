"""The search index catches up with what it missed."""

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


class IndexReconciliation:
    """Has an index compared with all of the storage."""

    name = "reconcile-index"

    def __init__(self, index: SearchIndex) -> None:
        self._index = index

    def run(self) -> None:
        """Compare and mend."""
        self._index.reconcile()
