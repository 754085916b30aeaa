"""Objects in the memory of one process, for tests and for trying things out."""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from docker_registry.drivers.base import CHUNK_BYTES, Driver, Reader, Stat, UploadState
from docker_registry.errors import PathNotFound

if TYPE_CHECKING:
    from docker_registry.config import Settings

#: A path as its components, encoded: these sort as listings do, where ``a-b`` comes before ``a/b``.
_Key = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Object:
    data: bytes
    modified: float


class MemoryDriver(Driver):
    """A sorted table of objects, gone when the process ends and unknown to other processes."""

    name = "memory"
    concurrency = 1

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[_Key, _Object] = {}
        self._keys: list[_Key] = []

    @classmethod
    def from_settings(cls, settings: Settings) -> MemoryDriver:
        """Begin with an empty table; no setting matters."""
        return cls()

    def get_content(self, path: str) -> bytes:
        """Look the object up."""
        return self._get(path).data

    def put_content(self, path: str, data: bytes) -> None:
        """Keep a copy of the bytes."""
        with self._lock:
            self._put(_key(path), data)

    def create(self, path: str, data: bytes) -> bool:
        """Look and keep, with nobody in between."""
        key = _key(path)
        with self._lock:
            if key in self._objects:
                return False
            self._put(key, data)
        return True

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> MemoryReader:
        """Give slices of the object."""
        return MemoryReader(self._get(path).data, offset, length)

    def stat(self, path: str) -> Stat:
        """Look the object up."""
        found = self._get(path)
        return Stat(len(found.data), found.modified)

    def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
        """Jump from child to child in the sorted table."""
        directory = _key(path)
        names: list[str] = []
        lowest = _next(after.encode()) if after else b""
        with self._lock:
            while len(names) < limit:
                index = bisect_left(self._keys, (*directory, lowest))
                if index == len(self._keys) or self._keys[index][: len(directory)] != directory:
                    break
                name = self._keys[index][len(directory)]
                names.append(name.decode())
                lowest = _next(name)
        return names

    def fingerprints(self, path: str) -> Iterator[tuple[str, str]]:
        """Hash the objects."""
        directory = _key(path)
        with self._lock:
            below = [key for key in self._keys if key[: len(directory)] == directory]
            found = [(key[len(directory) :], self._objects[key].data) for key in below]
        paths = ((b"/".join(rest).decode(), data) for rest, data in found)
        return iter(sorted((path, hashlib.sha256(data).hexdigest()) for path, data in paths))

    def touch(self, path: str) -> None:
        """Set the modified time."""
        key = _key(path)
        with self._lock:
            if key not in self._objects:
                raise _not_found(path)
            self._objects[key] = replace(self._objects[key], modified=time.time())

    def delete(self, path: str) -> None:
        """Cut the object, or all below the directory, out of the table."""
        key = _key(path)
        with self._lock:
            first = bisect_left(self._keys, key)
            end = bisect_left(self._keys, (*key[:-1], _next(key[-1])))
            if first == end:
                raise _not_found(path)
            for gone in self._keys[first:end]:
                del self._objects[gone]
            del self._keys[first:end]

    def write(self, directory: str, chunks: Iterable[bytes], path: str) -> None:
        """Join the bytes."""
        self.put_content(path, b"".join(chunks))

    def copy(self, directory: str, source: str, target: str) -> None:
        """Keep the same bytes once more."""
        self.put_content(target, self._get(source).data)

    def start_upload(self, path: str) -> UploadState:
        """Give the state of an upload without parts."""
        return {"path": path, "parts": [], "size": 0}

    def append(self, state: UploadState, chunks: Iterable[bytes]) -> UploadState:
        """Keep the bytes as a new part."""
        data = b"".join(chunks)
        if not data:
            return state
        part = f"{state['path']}/part-{uuid.uuid4().hex}"
        self.put_content(part, data)
        return {**state, "parts": [*state["parts"], part], "size": state["size"] + len(data)}

    def upload_content(self, state: UploadState) -> Iterator[bytes]:
        """Read the parts, one after another."""
        for part in state["parts"]:
            yield from self.reader(part)

    def commit(self, state: UploadState, path: str) -> None:
        """Join the parts."""
        self.put_content(path, b"".join(self.upload_content(state)))

    def abort(self, state: UploadState) -> None:
        """Forget the parts."""
        for part in state["parts"]:
            try:
                self.delete(part)
            except PathNotFound:
                continue

    def check(self) -> None:
        """Do nothing: memory is always there."""

    def _put(self, key: _Key, data: bytes) -> None:
        """Keep a copy of the bytes; to be called with the lock."""
        if key not in self._objects:
            insort(self._keys, key)
        self._objects[key] = _Object(bytes(data), time.time())

    def _get(self, path: str) -> _Object:
        try:
            return self._objects[_key(path)]
        except KeyError:
            raise _not_found(path) from None


class MemoryReader(Reader):
    """Slices of an object as it was when the reader was made."""

    def __init__(self, data: bytes, offset: int, length: int | None) -> None:
        self.size = len(data)
        end = self.size if length is None else min(offset + length, self.size)
        self._data = memoryview(data)[offset:end]
        self.length = len(self._data)

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, self.length, CHUNK_BYTES):
            yield bytes(self._data[start : start + CHUNK_BYTES])

    def close(self) -> None:
        """Do nothing: slices hold nothing open."""


def _key(path: str) -> _Key:
    return tuple(path.encode().split(b"/")) if path else ()


def _next(name: bytes) -> bytes:
    """Give the least name that is greater."""
    return name + b"\0"


def _not_found(path: str) -> PathNotFound:
    return PathNotFound(f"{path}: not in memory")
