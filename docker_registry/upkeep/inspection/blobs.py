"""The blobs of a store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial

from docker_registry.errors import PathNotFound, StorageError
from docker_registry.registry import layout
from docker_registry.registry.blobs import lost_its_bytes
from docker_registry.registry.names import Digest
from docker_registry.upkeep.inspection.contents import Contents
from docker_registry.upkeep.inspection.findings import Finding, Look, Tally


class BlobInspection:
    """Looks at each directory below ``blobs/``.

    :param verify: whether to read each blob and compare its bytes with its digest.
    """

    def __init__(self, contents: Contents, tally: Tally, verify: bool) -> None:
        self._contents = contents
        self._driver = contents.driver
        self._tally = tally
        self._verify = verify

    def looks(self) -> Iterator[Look]:
        """Give a look for each blob."""
        for algorithm in self._driver.iterate(layout.BLOBS):
            for prefix in self._driver.iterate(f"{layout.BLOBS}/{algorithm}"):
                directory = f"{layout.BLOBS}/{algorithm}/{prefix}"
                for value in self._driver.iterate(directory):
                    yield partial(self._look, f"{directory}/{value}")

    def _look(self, directory: str) -> Iterator[Finding]:
        path = f"{directory}/data"
        digest = layout.digest_of_blob(path)
        if digest is None:
            yield Finding(
                directory,
                "no blob of a known digest is looked for here",
                "delete it, unless you know what it is for",
                is_leftover=True,
            )
            return
        yield from self._contents.temporary_files(directory)
        try:
            size = self._driver.stat(path).size
        except PathNotFound:
            yield Finding(
                directory,
                "a blob without data",
                "delete it: what needs it is reported by itself",
                is_leftover=True,
            )
            return
        self._tally.add_blob(size)
        if lost_its_bytes(digest, size):
            yield Finding(
                path,
                "the blob is empty, as a crash leaves it, and counts as missing",
                "push the images that need it again",
            )
        elif self._verify:
            yield from self._compare(path, digest)

    def _compare(self, path: str, digest: Digest) -> Iterator[Finding]:
        running = hashlib.new(digest.algorithm)
        try:
            with self._driver.reader(path) as reader:
                for chunk in reader:
                    running.update(chunk)
        except StorageError as error:
            yield Finding(
                path, f"the blob can't be read ({error})", "see to the storage, and check again"
            )
            return
        found = Digest.of_hash(running)
        if found != digest:
            yield Finding(
                path,
                f"the blob has other bytes, those of {found}, and clients will refuse it",
                "delete it, and push the images that need it again",
            )
