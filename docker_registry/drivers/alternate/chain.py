"""A driver made of several: the primary, and alternates for what it can't take."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain as joined
from typing import TYPE_CHECKING, Self, TypeVar

from docker_registry.drivers.alternate.journal import GONE, HERE, PUT, Journal
from docker_registry.drivers.alternate.listing import Listing
from docker_registry.drivers.alternate.member import FAILURES, Member, SourceLost
from docker_registry.drivers.alternate.spool import Spool
from docker_registry.drivers.base import Driver, Reader, Stat, Stray, UploadState
from docker_registry.errors import (
    ConfigError,
    PathNotFound,
    QuotaExceeded,
    StorageError,
    Unavailable,
)

if TYPE_CHECKING:
    from docker_registry.config import Settings

log = logging.getLogger(__name__)

_T = TypeVar("_T")

Members = tuple[Member, ...]


class Chain(Driver):
    """Backends in order: each object's home is the first that is for it.

    A write that its home can't take (it is down, full, or refuses us) goes to the next backend,
    with an entry in that one's journal; until that is healed, later changes of the same path go
    there too. A read takes the newest entry, or asks the backends in order. "Not found" is only
    said when all of them were asked: else it is what keeps one from being asked.

    A directory can be listed, and anything deleted, only while all its backends answer.

    :ivar full: the backends that take any object.
    :param members: the primary first. Those whose driver is ``payload_only`` get large objects
        (``write``, ``commit``), and of these the paths that they are for; at least one is not.
    """

    name = "alternate"

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = tuple(members)
        self.full = tuple(member for member in members if not member.driver.payload_only)
        self.journal = Journal(self._keepers(self._members))

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Refuse: ``docker_registry.drivers.create`` builds chains, of the drivers it finds."""
        raise ConfigError("'storage' can't be 'alternate': name the drivers in storage_alternate")

    # Reads

    def get_content(self, path: str) -> bytes:
        """Take the newest entry, or ask the backends in order."""
        return self._find(path, self.full, lambda driver, place: driver.get_content(place))

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> Reader:
        """Open it where it is."""
        return self._find(
            path, self.backends(path), lambda driver, place: driver.reader(place, offset, length)
        )

    def stat(self, path: str) -> Stat:
        """Ask where it is."""
        return self._find(path, self.backends(path), lambda driver, place: driver.stat(place))

    def touch(self, path: str) -> None:
        """Touch it where it is."""
        self._find(path, self.backends(path), lambda driver, place: driver.touch(place))

    def redirect_url(self, path: str, method: str, seconds: int) -> str | None:
        """Give an address if the object is at home and its home can make one."""
        home, *others = members = self.backends(path)
        if others and (home.reason or self.journal.newest(path, self._keepers(members))):
            return None
        url = home.run(lambda driver: driver.redirect_url(path, method, seconds))
        if url is None or not others:
            return url
        try:
            home.run(lambda driver: driver.stat(path))
        except (PathNotFound, Unavailable):
            return None
        return url

    def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
        """Merge the names that all backends have."""
        return Listing(path, self.backends(path), self.journal).names(after, limit)

    # Writes

    def put_content(self, path: str, data: bytes) -> None:
        """Store it at home, or in a journal."""
        self._put(path, data, lambda driver: driver.put_content(path, data))

    def put_transient(self, path: str, data: bytes) -> None:
        """Store it likewise."""
        self._put(path, data, lambda driver: driver.put_transient(path, data))

    def put_private(self, path: str, data: bytes) -> None:
        """Store it likewise; journals hold it like everything else."""
        self._put(path, data, lambda driver: driver.put_private(path, data))

    def delete(self, path: str) -> None:
        """Delete it in all backends; journals note it for what they hold."""
        members = self.backends(path)
        self._all_answer(members)
        found = self._bury(path, self._keepers(members))
        for member in members:
            try:
                member.run(lambda driver: driver.delete(path))
                found = True
            except PathNotFound:
                continue
        if not found:
            raise PathNotFound(f"{path}: in none of {', '.join(m.name for m in members)}")

    def write(self, directory: str, chunks: Iterable[bytes], path: str) -> None:
        """Stream it home; what came is kept meanwhile, for the next backend if that fails."""
        members = self.backends(path)
        if len(members) == 1:
            members[0].run(lambda driver: driver.write(directory, chunks, path))
            return
        with Spool(chunks) as spool:
            self._first(members, lambda member: self._write(member, directory, spool, path))

    def copy(self, directory: str, source: str, target: str) -> None:
        """Let the home of both copy it, if it has the object; else the bytes pass through here."""
        members = self.backends(source)
        home = self.backends(target)[0]
        at_home = not self.journal.newest(source, self._keepers(members))
        if home is members[0] and at_home:
            try:
                home.run(lambda driver: driver.copy(directory, source, target))
            except (PathNotFound, *FAILURES) as error:
                log.debug("%s is not copied at home: %s", source, error)
            else:
                return
        super().copy(directory, source, target)

    def start_upload(self, path: str) -> UploadState:
        """Begin at the first backend that answers."""

        def start(member: Member) -> UploadState:
            state = member.run(lambda driver: driver.start_upload(path))
            return {"path": path, "member": member.name, "state": state, "size": 0}

        return self._first(self._members, start)

    def append(self, state: UploadState, chunks: Iterable[bytes]) -> UploadState:
        """Add to the upload where it is, or move it on when that backend fails."""
        member = self._member(state)
        others = self._members[self._members.index(member) + 1 :]
        with Spool(chunks) as spool:
            counted = _Counted(spool) if others else _Counted(chunks)
            try:
                inner = member.run(lambda driver: driver.append(state["state"], counted))
            except FAILURES as error:
                if not others:
                    raise
                return self._move_on(state, spool, others, error)
        return {**state, "state": inner, "size": state["size"] + counted.size}

    def upload_content(self, state: UploadState) -> Iterator[bytes]:
        """Read it where it is."""
        yield from self._member(state).run(lambda driver: driver.upload_content(state["state"]))

    def commit(self, state: UploadState, path: str) -> None:
        """Commit it where it is; send it on if that backend is not for the path, or fails."""
        member = self._member(state)
        members = self.backends(path)
        try:
            if member in members:
                member.run(lambda driver: driver.commit(state["state"], path))
                self._note(member, path)
                return
        except QuotaExceeded:
            # It can still be read, so another backend can have it.
            members = members[members.index(member) + 1 :]
            if not members:
                raise
        self._first(
            members, lambda other: self._write(other, state["path"], self._readable(state), path)
        )
        self.abort(state)

    def abort(self, state: UploadState) -> None:
        """Let go of it where it is."""
        self._member(state).run(lambda driver: driver.abort(state["state"]))

    # The whole

    def check(self) -> None:
        """Check every backend: one that is down is tolerated as long as another takes its part.

        Wrong settings and refused credentials are not: at the start they are mistakes.
        """
        down: dict[Member, StorageError] = {}
        for member in self._members:
            try:
                member.driver.check()
            except (Unavailable, QuotaExceeded) as error:
                down[member] = error
                log.error("storage %s: %s", member.name, error)
        if all(member in down for member in self.full):
            raise down[self.full[0]]

    def sweep(self, before: float) -> int:
        """Sweep each backend that answers."""
        swept = 0
        for member in self._members:
            try:
                swept += member.run(lambda driver: driver.sweep(before))
            except FAILURES as error:
                log.warning("storage %s was not swept: %s", member.name, error)
        return swept

    def strays(self, home: Driver) -> Iterator[Stray]:
        """Ask each backend."""
        for member in self._members:
            yield from member.run(lambda driver: driver.strays(home))

    def examine(self) -> dict[str, str]:
        """Check each backend that counts as working, and tell what is wrong with each."""
        for member in self._members:
            with suppress(*FAILURES, ConfigError):
                member.run(lambda driver: driver.check())
        condition = self.condition()
        if all(member.reason for member in self.full):
            return {name: why or "of no use without the others" for name, why in condition.items()}
        return condition

    def condition(self) -> dict[str, str]:
        """Tell what is wrong with each backend, as far as is known without asking."""
        return {member.name: member.reason for member in self._members}

    def backends(self, path: str) -> Members:
        """Give the backends that are for a path, its home first."""
        return tuple(member for member in self._members if member.driver.holds(path))

    def home(self, path: str, kind: str) -> Member:
        """Give the backend to which an entry of the journal belongs."""
        return self.backends(path)[0] if kind == HERE else self.full[0]

    def _keepers(self, members: Members) -> Members:
        """Give those of an object's backends that may have journal entries for it."""
        return tuple(member for member in members[1:] if member in self.full)

    def _member(self, state: UploadState) -> Member:
        for member in self._members:
            if member.name == state.get("member"):
                return member
        raise PathNotFound(f"the upload is at {state.get('member')!r}, which is no storage now")

    def _find(self, path: str, members: Members, call: Callable[[Driver, str], _T]) -> _T:
        entry = self.journal.newest(path, self._keepers(members))
        if entry is not None:
            if entry.kind == GONE:
                raise PathNotFound(f"{path}: deleted")
            try:
                return entry.member.run(lambda driver: call(driver, entry.place))
            except PathNotFound:
                log.debug("%s was brought home meanwhile", path)
        failure: StorageError | None = None
        for member in members:
            try:
                return member.run(lambda driver: call(driver, path))
            except PathNotFound:
                continue
            except FAILURES as error:
                failure = failure or error
        raise failure or PathNotFound(f"{path}: in none of {', '.join(m.name for m in members)}")

    def _first(self, members: Members, call: Callable[[Member], _T]) -> _T:
        """Give what the first member gives that doesn't fail; else raise the first failure."""
        failure: StorageError | None = None
        for member in members:
            try:
                return call(member)
            except FAILURES as error:
                failure = failure or error
        assert failure is not None, "a chain has members"
        raise failure

    def _put(self, path: str, data: bytes, put: Callable[[Driver], None]) -> None:
        home, keepers = self.full[0], self._keepers(self.full)
        if not keepers:
            home.run(put)
            return
        entry = self.journal.newest(path, keepers)
        if entry is not None:
            keepers = keepers[keepers.index(entry.member) :]
        else:
            try:
                home.run(put)
            except FAILURES as error:
                log.debug("%s goes to the journal: %s", path, error)
            else:
                return
        self._first(keepers, lambda member: self.journal.add(member, path, PUT, data))

    def _write(self, member: Member, directory: str, chunks: Iterable[bytes], path: str) -> None:
        member.run(lambda driver: driver.write(directory, chunks, path))
        self._note(member, path)

    def _note(self, member: Member, path: str) -> None:
        """Enter a large object that was stored elsewhere than at home in the journal."""
        if member is not self.backends(path)[0]:
            self.journal.add(member, path, HERE)

    def _move_on(
        self,
        state: UploadState,
        spool: Spool,
        others: Members,
        failure: StorageError,
    ) -> UploadState:
        """Begin an upload anew at another backend, with what the failed one has of it."""

        def move(member: Member) -> UploadState:
            kept = self._readable(state) if state["size"] else ()
            counted = _Counted(joined(kept, spool))
            new = member.run(lambda driver: driver.start_upload(state["path"]))
            inner = member.run(lambda driver: driver.append(new, counted))
            return {**state, "member": member.name, "state": inner, "size": counted.size}

        log.warning("an upload goes on at another backend: %s", failure)
        try:
            return self._first(others, move)
        except SourceLost:
            raise failure from None

    def _readable(self, state: UploadState) -> Iterator[bytes]:
        try:
            yield from self.upload_content(state)
        except FAILURES as error:
            raise SourceLost(str(error)) from error

    def _all_answer(self, members: Sequence[Member]) -> None:
        for member in members:
            member.run(lambda driver: None)

    def _bury(self, path: str, keepers: Sequence[Member]) -> bool:
        """Note in the journals that all they hold at or below a path is deleted."""
        if not keepers or self.journal.is_empty():
            return False
        buried = False
        for below in self.journal.paths(path):
            entry = self.journal.newest(below, keepers)
            if entry is not None and entry.kind != GONE:
                self.journal.add(entry.member, below, GONE)
                buried = True
        return buried


class _Counted:
    """Counts bytes as they pass; each iteration begins at nothing."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.size = 0
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        self.size = 0
        for chunk in self._chunks:
            self.size += len(chunk)
            yield chunk
