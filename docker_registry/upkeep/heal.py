"""What alternates took while a backend was away is brought home."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator

from docker_registry.drivers.alternate import Chain, Healing
from docker_registry.errors import DigestInvalid, StorageError
from docker_registry.registry import layout
from docker_registry.registry.names import Digest
from docker_registry.upkeep.lease import Lease

log = logging.getLogger(__name__)


class Heal:
    """Empties the journals of a chain, in one process at a time."""

    name = "heal"

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._lease = Lease(chain, self.name)
        self._healing = Healing(chain, self._verified)

    def run(self) -> int:
        """Bring home what can be, and give the number of paths."""
        try:
            results = list(self.each())
        except StorageError as error:
            log.warning("healing waits: %s", error)
            return 0
        healed = sum(not problem for _, problem in results)
        if healed:
            log.warning("%s paths were brought home from their alternates", healed)
        return healed

    def each(self) -> Iterator[tuple[str, str]]:
        """Bring each path home, and give it with what kept it from that (empty if nothing).

        Gives nothing while another process is at it.

        :raises StorageError: a backend can't be asked.
        """
        if not self._chain.journal.look() or not self._lease.acquire():
            return
        try:
            for path, problem in self._healing.run():
                self._lease.renew()
                if problem:
                    log.error("%s stays in its alternate: %s", path, problem)
                yield path, problem
        finally:
            self._lease.release()

    def _verified(self, path: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on the bytes of an object; those of a blob must have its digest."""
        digest = layout.digest_of_blob(path)
        running = hashlib.new(digest.algorithm) if digest else None
        for chunk in chunks:
            self._lease.renew()
            if running is not None:
                running.update(chunk)
            yield chunk
        if running is not None and Digest.of_hash(running) != digest:
            raise DigestInvalid(f"{path} has other content than its digest says")
