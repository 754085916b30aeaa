"""A store that others wrote, looked at from end to end without changing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice

from docker_registry.drivers.base import Driver
from docker_registry.upkeep.inspection.blobs import BlobInspection
from docker_registry.upkeep.inspection.contents import Contents
from docker_registry.upkeep.inspection.findings import Finding, Look, Tally
from docker_registry.upkeep.inspection.repositories import RepositoryInspection

__all__ = ["Finding", "Inspection", "Tally"]

#: How many things are looked at between two looks at what was found.
BATCH = 200


class Inspection:
    """Looks at every link, manifest, tag, upload and blob of a store.

    It keeps no more of the store in memory than a page of names and the sizes of some blobs, and
    runs beside traffic; what clients change meanwhile may look broken while they do.

    :param verify: whether to read each blob and compare its bytes with its digest.
    :param sparse_indexes: whether an index may name manifests that are not in its repository.
    :ivar tally: what was counted so far.
    """

    def __init__(
        self, driver: Driver, *, verify: bool = False, sparse_indexes: bool = False
    ) -> None:
        self.tally = Tally()
        self._concurrency = driver.concurrency
        contents = Contents(driver)
        self._repositories = RepositoryInspection(contents, self.tally, sparse_indexes)
        self._blobs = BlobInspection(contents, self.tally, verify)

    def run(self, report: Callable[[int], None] = lambda _number: None) -> Iterator[Finding]:
        """Give what is not as it should be, path by path.

        :param report: is called with how many more things were looked at.
        :raises StorageError: the store can't be asked.
        """
        looks = chain(self._repositories.looks(), self._blobs.looks())
        with ThreadPoolExecutor(self._concurrency, "inspection") as pool:
            while batch := list(islice(looks, BATCH)):
                for findings in pool.map(_look, batch):
                    for finding in findings:
                        self.tally.count(finding)
                        yield finding
                report(len(batch))


def _look(look: Look) -> list[Finding]:
    return list(look())
