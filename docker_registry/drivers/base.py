"""The driver contract: bytes at paths.

A path is a relative POSIX path such as ``docker/registry/v2/blobs/sha256/ab/abcd…/data``: no
leading slash, no empty component, and none that begins with a dot. Only ``list`` takes the empty
path: the root. Directories don't exist by themselves: one is there exactly as long as an object
lies somewhere below it. No path is an object and a directory at once; the layout sees to that.

A driver knows nothing of registries, is safe to use from many threads, and is made once a process.
Other processes, on this machine or another, may work on the same store at the same time.

Every method may raise the errors of ``docker_registry.errors``: ``PathNotFound``,
``Unavailable``, ``AccessDenied`` and ``QuotaExceeded``; never the backend's own.

The suite in ``tests/drivers`` states this contract and runs against every driver.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Self

from docker_registry.drivers.concurrency import side_by_side
from docker_registry.errors import ConfigError, PathNotFound, StorageError

if TYPE_CHECKING:
    from docker_registry.config import Settings

#: What ``start_upload`` and ``append`` give: plain JSON data that the caller keeps, so that any
#: process can go on with the upload. Its keys are the driver's own business.
UploadState = dict[str, Any]

#: How many bytes a reader gives at a time, at most.
CHUNK_BYTES = 1024 * 1024

#: How many children of a directory ``contents`` reads before it gives the first of them.
_CONTENTS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of an object without reading it.

    :param size: in bytes.
    :param modified: when it was stored, committed or touched, in seconds since the epoch.
    """

    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class Stray:
    """An object of another registry's in a backend, to which no path leads.

    :ivar where: it is, in words of the backend, such as ``Glance image <id>``.
    :ivar path: where it belongs; empty if that can't be told.
    :ivar obstacle: why it can't be adopted; empty if it can.
    :ivar adopt: makes it the object at the path, in place. Cut off anywhere, it has done nothing
        that anyone sees, or all; what it left undone is found again. ``PathNotFound`` if it is
        gone.
    """

    where: str
    path: str
    obstacle: str
    adopt: Callable[[], None]


class Reader(ABC):
    """The bytes of an object, or of a part of it: iterate once, then close.

    If the object is replaced or deleted meanwhile, a reader gives the old bytes or raises a
    ``StorageError``, never a mixture.

    :ivar size: bytes of the whole object.
    :ivar length: bytes that iterating gives.
    :ivar file: where the object is a real file, that file, open and at the right offset (for
        ``sendfile``); it belongs to the reader.
    """

    size: int
    length: int
    file: BinaryIO | None = None

    @abstractmethod
    def __iter__(self) -> Iterator[bytes]:
        """Give the bytes in chunks of at most ``CHUNK_BYTES``."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what the reader holds. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Driver(ABC):
    """One storage backend."""

    #: The name by which a flavor chooses the driver (``storage: local``).
    name: ClassVar[str]

    #: Whether it is only for large objects (what ``write`` and ``commit`` store), and needs another
    #: driver beside it for everything else; see ``holds``.
    payload_only: ClassVar[bool] = False

    #: Whether objects are files, at their paths below a directory of this machine.
    has_files: ClassVar[bool] = False

    #: How many short calls are worth making at once, since each waits for a network.
    concurrency: ClassVar[int] = 8

    @property
    def is_near(self) -> bool:
        """Whether calls wait for no network, and so take microseconds."""
        return self.concurrency == 1

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Settings) -> Driver:
        """Build the driver that the settings describe, without asking the backend anything.

        ``ConfigError`` when a setting can't be used.
        """

    @abstractmethod
    def get_content(self, path: str) -> bytes:
        """Give a small object whole."""

    @abstractmethod
    def put_content(self, path: str, data: bytes) -> None:
        """Store a small object: an atomic replace, durable on return."""

    def put_transient(self, path: str, data: bytes) -> None:
        """Store a small object that may be lost, or empty, after a crash of the machine.

        For what can be made again, such as upload sessions; until a crash it is an atomic replace
        like ``put_content``. A driver that gains nothing by it stores as durably as ever.
        """
        self.put_content(path, data)

    def put_private(self, path: str, data: bytes) -> None:
        """Store a small object, such as a key, that only the registry itself should read.

        Like ``put_content``. A driver whose objects have owners of their own keeps others out; one
        where all objects have the same can't.
        """
        self.put_content(path, data)

    def create(self, path: str, data: bytes) -> bool:
        """Store a small object, durably, where there is none; ``False`` if there is one.

        Of several processes that create the same at once exactly one is told that it did, where
        the backend has a request for it; elsewhere the last one wins.
        """
        try:
            self.stat(path)
        except PathNotFound:
            self.put_content(path, data)
            return True
        return False

    @abstractmethod
    def reader(self, path: str, offset: int = 0, length: int | None = None) -> Reader:
        """Open an object at ``offset`` bytes, for ``length`` bytes (to the end by default).

        What lies beyond the end is cut: the reader's ``length`` says what comes.
        """

    @abstractmethod
    def stat(self, path: str) -> Stat:
        """Give size and modified time of an object; a directory is ``PathNotFound``."""

    @abstractmethod
    def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
        """Give the names of a directory's children, in byte order.

        At most ``limit`` names (one component each), all greater than ``after``, which need not
        exist. Fewer than ``limit`` means that there are no more. A directory that is not there
        is empty.
        """

    def fingerprints(self, path: str) -> Iterator[tuple[str, str]] | None:
        """Give all objects below a directory, each by its path from there and its fingerprint.

        Small objects that have the same fingerprint have the same content; those that have the
        same content need not have the same fingerprint. In byte order of paths. ``None`` where the
        backend's list tells nothing of that kind.
        """
        return None

    @abstractmethod
    def touch(self, path: str) -> None:
        """Set an object's modified time to now."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Remove an object, or a directory with all below it, durably.

        ``PathNotFound`` when there is neither.
        """

    def discard(self, path: str) -> None:
        """Remove, if it is there, what is of no use any more, such as a finished upload session.

        After a crash of the machine it may be back. A driver that gains nothing by that deletes.
        """
        with suppress(PathNotFound):
            self.delete(path)

    def in_order(self) -> AbstractContextManager[None]:
        """Change several things, of which each relies on those before it, durably by the end.

        A crash of the machine within the block leaves the first ones of them. If the block fails,
        none of them needs to be durable. A driver that gains nothing by it makes each change
        durable as it comes.
        """
        return nullcontext()

    def redirect_url(self, path: str, method: str, seconds: int) -> str | None:
        """Give an address where a client can GET or HEAD the object itself, or ``None``.

        :param method: ``GET`` or ``HEAD``.
        :param seconds: how long the address must work.
        """
        return None

    @abstractmethod
    def start_upload(self, path: str) -> UploadState:
        """Begin an upload that may keep its parts below the directory ``path``.

        Who deletes that directory may end the upload by it.
        """

    @abstractmethod
    def append(self, state: UploadState, chunks: Iterable[bytes]) -> UploadState:
        """Add bytes to an upload, durably, and give the new state.

        The old state stays valid and means the upload without these bytes, so that two appends
        to the same state, or one that is cut off by a crash, can't spoil each other's bytes.
        An exception from ``chunks`` passes through as it is, and nothing is added.
        """

    @abstractmethod
    def upload_content(self, state: UploadState) -> Iterator[bytes]:
        """Give the bytes of an upload so far. Only called directly before ``commit``."""

    @abstractmethod
    def commit(self, state: UploadState, path: str) -> None:
        """Make the upload's bytes an object at ``path``, whole and durable, replacing any.

        ``PathNotFound`` when the upload is gone. A commit ends the upload: another one of the
        same state, or of an older one, may raise ``PathNotFound`` or repeat the first, and what
        the first stored stays whole. What the upload leaves behind goes with ``abort`` and with
        the directory of ``start_upload``.
        """

    @abstractmethod
    def abort(self, state: UploadState) -> None:
        """Let go of an upload that will not be committed. It may be gone already."""

    def write(self, directory: str, chunks: Iterable[bytes], path: str) -> None:
        """Make bytes an object at ``path`` in one go: whole and durable, replacing any.

        An exception from ``chunks`` passes through as it is, and nothing is stored: who hashes
        the bytes as they come may refuse them at their end.

        A backend that can stream to the final path overrides this; it then needs no ``directory``.

        :param directory: where an upload may keep parts meanwhile; see ``start_upload``.
        """
        state = self.start_upload(directory)
        try:
            state = self.append(state, chunks)
            self.commit(state, path)
        finally:
            # A commit leaves what an abort clears, too.
            self.abort(state)

    def copy(self, directory: str, source: str, target: str) -> None:
        """Make the bytes of one object another one at ``target``: whole and durable, replacing any.

        They live apart from then on: what becomes of one is nothing to the other. The new one is
        as old as the copy.

        A backend that can copy by itself overrides this; else the bytes pass through here.

        :param directory: where parts may be kept meanwhile; see ``start_upload``.
        """
        with self.reader(source) as reader:
            self.write(directory, reader, target)

    def sweep(self, before: float) -> int:
        """Remove what crashes left behind and no path leads to, and give how much it was.

        Such as multipart uploads that nobody will complete, segments without a manifest, images
        that were never finished. What belongs to an upload that can still be committed, or to an
        object, stays.

        :param before: seconds since the epoch; only what was last changed earlier is removed.
        """
        return 0

    def strays(self, home: Driver) -> Iterator[Stray]:
        """Give what an earlier registry stored here in a way of its own, one by one.

        Not what was adopted already, as long as nothing of it is missing.

        :param home: where all other objects lie: this driver, or what it is a part of.
        """
        yield from ()

    def holds(self, path: str) -> bool:
        """Tell whether this is a backend for objects at or below such a path, without asking it."""
        return True

    def examine(self) -> dict[str, str]:
        """Check each backend, and give its name and what is wrong; nothing for one that works."""
        try:
            self.check()
        except (StorageError, ConfigError) as error:
            return {self.name: str(error)}
        return {self.name: ""}

    @abstractmethod
    def check(self) -> None:
        """Raise what keeps the backend from being used (``Unavailable``, ``AccessDenied``)."""

    def iterate(self, path: str, after: str = "", page: int = 1000) -> Iterator[str]:
        """Give the names of all of a directory's children behind ``after``, page by page."""
        while True:
            names = self.list(path, after, page)
            yield from names
            if len(names) < page:
                return
            after = names[-1]

    def contents(self, path: str, below: str) -> Iterator[tuple[str, bytes]]:
        """Give, for each child of a directory, its name and the small object ``below`` it.

        In byte order; children without one are left out. For all tags of a repository, say, what
        is in their ``current/link``.
        """

        def read(name: str) -> bytes | None:
            try:
                return self.get_content(f"{path}/{name}/{below}")
            except PathNotFound:
                return None

        names = self.iterate(path)
        while some := list(islice(names, _CONTENTS_AT_ONCE)):
            for name, content in zip(some, side_by_side(self, read, some), strict=True):
                if content is not None:
                    yield name, content
