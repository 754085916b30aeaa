"""An example of a driver from another package: objects as rows of an SQLite database.

It keeps whole objects in memory for a moment, so it suits small stores only.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from docker_registry.config import Settings
from docker_registry.drivers.base import CHUNK_BYTES, Driver, Reader, Stat, UploadState
from docker_registry.drivers.flat import children
from docker_registry.errors import PathNotFound, Unavailable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    path TEXT PRIMARY KEY, modified REAL NOT NULL, data BLOB NOT NULL
) WITHOUT ROWID
"""
#: SQLite compares text byte by byte, so all paths below a directory lie between these.
_BELOW = "path >= ? || '/' AND path < ? || '0'"


class SqliteDriver(Driver):
    """Rows of one table.

    :param file: of the database; made when it is missing.
    :param timeout: seconds for which another process may keep it locked.
    """

    name = "sqlite"

    def __init__(self, file: Path, timeout: float) -> None:
        self._file = file
        self._timeout = timeout

    @classmethod
    def from_settings(cls, settings: Settings) -> SqliteDriver:
        """Take the database from ``storage_path``."""
        return cls(Path(settings.storage_path), settings.storage_read_timeout)

    def get_content(self, path: str) -> bytes:
        """Select the row."""
        return self._get(path)[0]

    def put_content(self, path: str, data: bytes) -> None:
        """Insert or replace the row."""
        with self._database() as database:
            database.execute(
                "INSERT OR REPLACE INTO objects (path, modified, data) VALUES (?, ?, ?)",
                (path, time.time(), data),
            )

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> SqliteReader:
        """Select the row, and give slices of it."""
        return SqliteReader(self._get(path)[0], offset, length)

    def stat(self, path: str) -> Stat:
        """Select the row."""
        data, modified = self._get(path)
        return Stat(len(data), modified)

    def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
        """Select the paths below the directory."""
        with self._database() as database:
            if path:
                rows = database.execute(
                    f"SELECT path FROM objects WHERE {_BELOW} ORDER BY path", (path, path)
                )
            else:
                rows = database.execute("SELECT path FROM objects ORDER BY path")
            start = len(path) + 1 if path else 0
            below = [row[0][start:].partition("/") for row in rows]
        names = list(dict.fromkeys(name + slash for name, slash, _ in below))
        return children([names], lambda name: f"{name}/" in names, after, limit)

    def touch(self, path: str) -> None:
        """Update the row."""
        with self._database() as database:
            done = database.execute(
                "UPDATE objects SET modified = ? WHERE path = ?", (time.time(), path)
            )
        if not done.rowcount:
            raise PathNotFound(f"{path}: no such row")

    def delete(self, path: str) -> None:
        """Delete the row, or all rows below the directory."""
        with self._database() as database:
            done = database.execute(
                f"DELETE FROM objects WHERE path = ? OR {_BELOW}", (path, path, path)
            )
        if not done.rowcount:
            raise PathNotFound(f"{path}: no such row")

    def start_upload(self, path: str) -> UploadState:
        """Give the state of an upload without parts."""
        return {"path": path, "parts": []}

    def append(self, state: UploadState, chunks: Iterable[bytes]) -> UploadState:
        """Insert the bytes as a new row."""
        data = b"".join(chunks)
        if not data:
            return state
        part = f"{state['path']}/part-{uuid.uuid4().hex}"
        self.put_content(part, data)
        return {**state, "parts": [*state["parts"], part]}

    def upload_content(self, state: UploadState) -> Iterator[bytes]:
        """Select the parts, one after another."""
        for part in state["parts"]:
            yield from self.reader(part)

    def commit(self, state: UploadState, path: str) -> None:
        """Insert a row of all parts."""
        self.put_content(path, b"".join(self.upload_content(state)))

    def abort(self, state: UploadState) -> None:
        """Delete the parts."""
        with self._database() as database:
            database.executemany(
                "DELETE FROM objects WHERE path = ?", [(part,) for part in state["parts"]]
            )

    def check(self) -> None:
        """Open the database for writing."""
        with self._database() as database:
            database.execute("BEGIN IMMEDIATE")

    def _get(self, path: str) -> tuple[bytes, float]:
        with self._database() as database:
            row: tuple[bytes, float] | None = database.execute(
                "SELECT data, modified FROM objects WHERE path = ?", (path,)
            ).fetchone()
        if row is None:
            raise PathNotFound(f"{path}: no such row")
        return row

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """Give a connection whose work is one transaction; its errors become ours here."""
        try:
            with closing(sqlite3.connect(self._file, self._timeout)) as database, database:
                database.execute(_SCHEMA)
                yield database
        except sqlite3.Error as error:
            raise Unavailable(f"{self._file}: {error}") from error


class SqliteReader(Reader):
    """Slices of an object."""

    def __init__(self, data: bytes, offset: int, length: int | None) -> None:
        self.size = len(data)
        end = self.size if length is None else min(offset + length, self.size)
        self._data = data[offset:end]
        self.length = len(self._data)

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, self.length, CHUNK_BYTES):
            yield self._data[start : start + CHUNK_BYTES]

    def close(self) -> None:
        """Do nothing: nothing is held open."""
