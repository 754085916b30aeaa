"""Bringing home what alternates hold for a backend that is back."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from docker_registry.drivers.alternate.chain import Chain
from docker_registry.drivers.alternate.journal import GONE, HERE, Entry
from docker_registry.drivers.alternate.member import FAILURES, SourceLost
from docker_registry.drivers.base import Driver, Reader
from docker_registry.errors import PathNotFound

log = logging.getLogger(__name__)

#: Directory for parts of objects on their way; cleared by each run.
SCRATCH = "docker/registry/ours/heal"

#: Passes on the bytes of the object at a path, and raises at their end if they are not the right
#: ones.
Verify = Callable[[str, Iterable[bytes]], Iterator[bytes]]


class Healing:
    """Empties the journals of a chain.

    May be cut off anywhere and begun again. Two at once might undo a change that was made between
    them: let only one run.

    :param verify: is given all bytes of each object on its way.
    """

    def __init__(self, chain: Chain, verify: Verify) -> None:
        self._chain = chain
        self._journal = chain.journal
        self._verify = verify

    def run(self) -> Iterator[tuple[str, str]]:
        """Bring each path home, and give it with what kept it from that (empty if nothing).

        :raises StorageError: a backend can't be asked.
        """
        self._clear_scratch()
        for path in self._journal.paths():
            yield path, self._bring_home(path)

    def _bring_home(self, path: str) -> str:
        entries = self._journal.entries(path, self._journal.members)
        if not entries:
            return ""
        newest = max(entries, key=lambda entry: entry.name)
        try:
            self._settle(newest)
        except (SourceLost, *FAILURES) as error:
            return str(error)
        except Exception as error:
            log.exception("%s can't be brought home", path)
            return str(error)
        self._journal.remove(entries)
        return ""

    def _settle(self, entry: Entry) -> None:
        if entry.kind == GONE:
            self._delete(entry.path)
            return
        home = self._chain.home(entry.path, entry.kind)
        if entry.kind == HERE:
            self._move(entry, home.run)
        else:
            self._copy(entry, home.run)

    def _delete(self, path: str) -> None:
        for member in self._chain.backends(path):
            with suppress(PathNotFound):
                member.run(lambda driver: driver.delete(path))

    def _copy(self, entry: Entry, at_home: Callable[[Callable[[Driver], None]], None]) -> None:
        try:
            data = entry.member.run(lambda driver: driver.get_content(entry.record))
        except PathNotFound:
            return
        whole = b"".join(self._verify(entry.path, [data]))
        at_home(lambda driver: driver.put_content(entry.path, whole))

    def _move(self, entry: Entry, at_home: Callable[[Callable[[Driver], None]], None]) -> None:
        try:
            reader = entry.member.run(lambda driver: driver.reader(entry.path))
        except PathNotFound:
            # An earlier run moved it and was cut off before it could say so.
            return
        directory = f"{SCRATCH}/{uuid.uuid4().hex}"
        with reader:
            chunks = self._verify(entry.path, _read(reader))
            at_home(lambda driver: driver.write(directory, chunks, entry.path))
        with suppress(PathNotFound):
            entry.member.run(lambda driver: driver.delete(entry.path))

    def _clear_scratch(self) -> None:
        for member in self._chain.full:
            with suppress(PathNotFound, *FAILURES):
                member.run(lambda driver: driver.delete(SCRATCH))


def _read(reader: Reader) -> Iterator[bytes]:
    try:
        yield from reader
    except FAILURES as error:
        raise SourceLost(str(error)) from error
