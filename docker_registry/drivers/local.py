"""Objects as files below a directory, on this machine or on a file system that many share."""

from __future__ import annotations

import io
import os
import re
import stat
import uuid
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from os.path import isfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docker_registry.drivers.base import CHUNK_BYTES, Driver, Reader, Stat, UploadState
from docker_registry.drivers.directories import Directories
from docker_registry.drivers.file_errors import storage_errors
from docker_registry.drivers.files import PRIVATE, PUBLIC, Tree, find_file
from docker_registry.errors import PathNotFound, Unavailable

if TYPE_CHECKING:
    from docker_registry.config import Settings

_COMPONENT = r"[^/.\0][^/\0]*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")

#: What the first read of a small object asks for: most are links, and a larger buffer takes longer
#: to make than they take to read.
_SMALL_BYTES = 8 * 1024
#: How much is kept of the names in directories, in bytes: about half a million names.
DIRECTORIES_BYTES = 32 * 1024 * 1024


class LocalDriver(Driver):
    """Files below a root directory.

    A path that could lead out of the root raises ``ValueError``: names from outside were read at
    the edge, so such a path is a mistake of ours. Components that begin with a dot are refused
    with ``.`` and ``..``, since hidden files are the driver's own. Symbolic links are followed:
    only the operator can make one here, for instance to put blobs on a second disk.

    :param root: the directory; it is made when it is missing.
    :param fsync: whether files and directories are on the disk before a call returns. Without,
        what was stored in the last seconds may be lost or empty when the machine crashes.
    """

    name = "local"
    concurrency = 1
    has_files = True

    def __init__(self, root: Path, fsync: bool = True) -> None:
        self._root = os.path.abspath(root)
        self._durable = Tree(self._root, fsync)
        self._transient = Tree(self._root, fsync=False)
        self._directories = Directories(DIRECTORIES_BYTES)
        self._durable.sweep()

    @classmethod
    def from_settings(cls, settings: Settings) -> LocalDriver:
        """Take the root from ``storage_path``, and ``storage_fsync``."""
        return cls(Path(settings.storage_path), settings.storage_fsync)

    def get_content(self, path: str) -> bytes:
        """Read the file."""
        full = self._full(path)
        with storage_errors(full):
            return _read(full)

    def put_content(self, path: str, data: bytes) -> None:
        """Write a temporary file and rename it."""
        _put(self._durable, self._full(path), data)

    def put_transient(self, path: str, data: bytes) -> None:
        """Write and rename likewise, without waiting for the disk."""
        _put(self._transient, self._full(path), data)

    def create(self, path: str, data: bytes) -> bool:
        """Write a temporary file and give it a second name, where there is none (link(2))."""
        with self._durable.temporary() as file:
            file.write(data)
            return file.create(self._full(path))

    def put_private(self, path: str, data: bytes) -> None:
        """Write and rename likewise, a file that only its owner can read."""
        _put(self._durable, self._full(path), data, PRIVATE)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> LocalReader:
        """Open the file."""
        return LocalReader(self._full(path), offset, length)

    def stat(self, path: str) -> Stat:
        """Ask the file system."""
        full = self._full(path)
        with storage_errors(full):
            found = os.stat(full)
        if stat.S_ISDIR(found.st_mode):
            raise PathNotFound(f"{full}: is a directory")
        return Stat(found.st_size, found.st_mtime)

    def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
        """Take the first names that count."""
        return list(islice(self.iterate(path, after), limit))

    def iterate(self, path: str, after: str = "", page: int = 1000) -> Iterator[str]:
        """Look into the directory once, and into a child when it is its turn."""
        directory = self._full(path) if path else self._root
        names = self._directories.names(directory)
        within = os.fsencode(directory)
        # Where a file was below the last child: mostly there is one below the next child, too.
        below = b""
        for position in range(bisect_right(names, os.fsencode(after)), len(names)):
            name = names[position]
            child = b"%b/%b" % (within, name)
            if not isfile(child + below):
                with storage_errors(directory):
                    file = find_file(child)
                if file is None:
                    continue
                below = file.removeprefix(child)
            yield os.fsdecode(name)

    def contents(self, path: str, below: str) -> Iterator[tuple[str, bytes]]:
        """Look into the directory once, and read file after file."""
        directory, end = os.fsencode(self._full(path)), os.fsencode(below)
        for name in self._directories.names(self._full(path)):
            full = b"%b/%b/%b" % (directory, name, end)
            try:
                data = _read(full)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                # What is wrong is told as it is of any other object.
                data = self.get_content(f"{path}/{os.fsdecode(name)}/{below}")
            yield os.fsdecode(name), data

    def touch(self, path: str) -> None:
        """Set the modified time, without waiting for the disk: a crash may undo it."""
        full = self._full(path)
        with storage_errors(full):
            os.utime(full)

    def delete(self, path: str) -> None:
        """Unlink the file, or rename the directory away and then remove it."""
        self._durable.remove(self._full(path))

    def discard(self, path: str) -> None:
        """Remove it in place, without waiting for the disk."""
        self._durable.discard(self._full(path))

    def in_order(self) -> AbstractContextManager[None]:
        """Sync the last directory alone where the file system logs all changes in order."""
        return self._durable.durability.in_order()

    def write(self, directory: str, chunks: Iterable[bytes], path: str) -> None:
        """Write a temporary file and rename it."""
        target = self._full(path)
        with self._durable.temporary() as whole:
            for _ in map(whole.write, chunks):
                pass
            whole.move(target)

    def copy(self, directory: str, source: str, target: str) -> None:
        """Give the file a second name, or copy it inside the kernel where that can't be."""
        old, new = self._full(source), self._full(target)
        if self._durable.link(old, new):
            return
        with self._durable.temporary() as whole, LocalReader(old, 0, None) as reader:
            whole.copy(reader.file.fileno(), reader.size)
            whole.move(new)

    def start_upload(self, path: str) -> UploadState:
        """Give the state of an upload without parts."""
        return {"path": path, "parts": [], "size": 0}

    def append(self, state: UploadState, chunks: Iterable[bytes]) -> UploadState:
        """Write a new part, under a name that no other append can choose."""
        chunks = filter(None, chunks)
        first = list(islice(chunks, 1))
        if not first:
            return state
        name = f"part-{uuid.uuid4().hex}"
        with self._durable.new(self._full(f"{state['path']}/{name}")) as part:
            part.write(first.pop())
            for _ in map(part.write, chunks):
                pass
            # The bytes must last, for their digest is known by now. Their name need not: a crash
            # may take the session's record as well, and then the client begins anew.
            part.sync()
        new = {"name": name, "size": part.size}
        return {**state, "parts": [*state["parts"], new], "size": state["size"] + part.size}

    def upload_content(self, state: UploadState) -> Iterator[bytes]:
        """Read the parts, one after another."""
        for part in state["parts"]:
            with self._open_part(state, part) as reader:
                yield from reader

    def commit(self, state: UploadState, path: str) -> None:
        """Rename the only part, or put several together in a temporary file and rename that."""
        target = self._full(path)
        if len(state["parts"]) == 1:
            self._commit_part(state, state["parts"][0], target)
            return
        with self._durable.temporary() as whole:
            for part in state["parts"]:
                with self._open_part(state, part) as reader:
                    whole.copy(reader.file.fileno(), reader.size)
            whole.move(target)

    def abort(self, state: UploadState) -> None:
        """Unlink the parts."""
        for part in state["parts"]:
            self.discard(f"{state['path']}/{part['name']}")

    def check(self) -> None:
        """Write a file below the root and remove it."""
        with self._durable.temporary() as probe:
            probe.write(b"check")

    def _full(self, path: str) -> str:
        if not _PATH.fullmatch(path):
            raise ValueError(f"not a storage path: {path!r}")
        return f"{self._root}/{path}"

    def _part(self, state: UploadState, part: dict[str, Any]) -> str:
        return self._full(f"{state['path']}/{part['name']}")

    def _open_part(self, state: UploadState, part: dict[str, Any]) -> LocalReader:
        reader = LocalReader(self._part(state, part), 0, None)
        if reader.size != part["size"]:
            reader.close()
            raise _torn(state, part)
        return reader

    def _commit_part(self, state: UploadState, part: dict[str, Any], target: str) -> None:
        source = self._part(state, part)
        with storage_errors(source):
            if os.stat(source).st_size != part["size"]:
                raise _torn(state, part)
            # An object is as old as its commit, however long the upload took: a collector of
            # garbage goes by that.
            os.utime(source)
        self._durable.move(source, target)


class LocalReader(Reader):
    """A file, or a part of it."""

    file: io.FileIO

    def __init__(self, path: str, offset: int, length: int | None) -> None:
        self._path = path
        with storage_errors(path):
            # FileIO itself refuses a directory.
            self.file = io.FileIO(path)
            self.size = os.fstat(self.file.fileno()).st_size
            if offset:
                self.file.seek(offset)
        rest = max(self.size - offset, 0)
        self.length = rest if length is None else min(length, rest)

    def __iter__(self) -> Iterator[bytes]:
        left = self.length
        while left:
            with storage_errors(self._path):
                data = self.file.read(min(left, CHUNK_BYTES))
            if not data:
                raise Unavailable(f"{self._path}: ends {left} bytes before its end")
            left -= len(data)
            yield data

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def _read(full: str | bytes) -> bytes:
    """Give the content of a file, which is probably small."""
    descriptor = os.open(full, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, _SMALL_BYTES)
        # A file gives less than was asked for at its end only (read(2)).
        if len(data) < _SMALL_BYTES:
            return data
        pieces = [data]
        while piece := os.read(descriptor, CHUNK_BYTES):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def _put(tree: Tree, full: str, data: bytes, mode: int = PUBLIC) -> None:
    with tree.temporary(mode) as file:
        file.write(data)
        file.move(full)


def _torn(state: UploadState, part: dict[str, Any]) -> PathNotFound:
    # Without fsync a crash may cut a part that the state knows whole.
    return PathNotFound(f"{state['path']}/{part['name']}: not the {part['size']} bytes it was")
