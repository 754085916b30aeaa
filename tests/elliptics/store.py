"""What an Elliptics back end does with records: a group in memory.

It keeps to what a server of 3.0.0.1 was seen doing, its traps included: nothing empty is stored,
a shorter write leaves the old bytes behind it, an overwrite happens under the eyes of readers, a
missing key takes any compare-and-swap, a delete leaves no trace.
"""

from __future__ import annotations

import errno
import hashlib
import threading
from dataclasses import dataclass, field

from docker_registry.drivers.elliptics.client import protocol
from docker_registry.drivers.elliptics.client.errors import EBADFD
from docker_registry.drivers.elliptics.client.protocol import IoAttributes

#: What eblob puts before and behind the data of a record.
BEFORE, BEHIND = 144, 16
#: How much of an overwrite is done at once.
PIECE = 64 * 1024

EXTENDED_HEADER, CHUNKED_CHECKSUM = 0x40, 0x100
APPENDED, UNCOMMITTED = 0x10, 0x80


class Refused(Exception):
    """A command that ends with an error status."""

    def __init__(self, number: int) -> None:
        super().__init__(errno.errorcode.get(number, str(number)))
        self.status = -number


@dataclass
class Record:
    """A record in a blob: the room it has, and how much of that is used."""

    room: bytearray
    offset: int
    size: int = 0
    flags: int = EXTENDED_HEADER | CHUNKED_CHECKSUM
    timestamp: tuple[int, int] = (0, 0)
    user_flags: int = 0
    corrupted: bool = False
    #: What the answer to a write calls its size.
    written: int = 0

    def data(self) -> memoryview:
        return memoryview(self.room)[: self.size]


@dataclass
class Group:
    """The records of one group."""

    number: int
    backend: int
    path: bytes = b""
    disabled: bool = False
    records: dict[bytes, Record] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    end: int = 0

    def read(self, attributes: IoAttributes) -> tuple[Record, memoryview]:
        """Give a record and a window on the wanted bytes: later writes show in it."""
        record = self.find(attributes.id)
        if record.corrupted and not attributes.flags & protocol.IO_NOCSUM:
            raise Refused(errno.EILSEQ)
        if attributes.offset >= record.size:
            raise Refused(errno.E2BIG)
        end = attributes.offset + attributes.size if attributes.size else record.size
        return record, record.data()[attributes.offset : end]

    def find(self, key: bytes) -> Record:
        """Give a committed record."""
        record = self.records.get(key)
        if record is None or record.flags & UNCOMMITTED:
            raise Refused(errno.ENOENT)
        return record

    def write(self, attributes: IoAttributes, data: memoryview) -> Record:
        """Do what WRITE does, by its flags."""
        with self.lock:
            flags = attributes.flags
            if flags & protocol.IO_COMPARE_AND_SWAP:
                self._compare(attributes)
            if flags & (protocol.IO_PREPARE | protocol.IO_COMMIT | protocol.IO_PLAIN_WRITE):
                return self._write_prepared(attributes, data)
            record = self.records.get(attributes.id)
            if not data:
                if record is None:
                    raise Refused(errno.ENOENT)
                record.written = record.size
                return record
            if flags & protocol.IO_APPEND:
                return self._append(attributes, data)
            return self._overwrite(attributes, data)

    def delete(self, key: bytes) -> None:
        """Forget a record."""
        with self.lock:
            if self.records.pop(key, None) is None:
                raise Refused(errno.ENOENT)

    def _compare(self, attributes: IoAttributes) -> None:
        record = self.records.get(attributes.id)
        if record is None:
            return
        if record.corrupted:
            raise Refused(errno.EILSEQ)
        if hashlib.sha512(record.data()).digest() != attributes.parent:
            raise Refused(EBADFD)

    def _overwrite(self, attributes: IoAttributes, data: memoryview) -> Record:
        end = attributes.offset + len(data)
        record = self.records.get(attributes.id)
        if record is None or end > len(record.room):
            old = record.data() if record else b""
            record = self._allocate(attributes.id, end)
            record.room[: len(old)] = old
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            place = attributes.offset + start
            record.room[place : place + len(piece)] = piece
        record.size = end
        record.corrupted = False
        return self._stamp(record, attributes, len(data))

    def _append(self, attributes: IoAttributes, data: memoryview) -> Record:
        record = self.records.get(attributes.id)
        if record is None:
            record = self._allocate(attributes.id, 2 * len(data))
        else:
            record.flags |= APPENDED
        if record.size + len(data) > len(record.room):
            old = record
            record = self._allocate(attributes.id, 2 * (old.size + len(data)))
            record.flags |= APPENDED
            record.room[: old.size] = old.data()
            record.size = old.size
        record.room[record.size : record.size + len(data)] = data
        record.size += len(data)
        return self._stamp(record, attributes, len(data))

    def _write_prepared(self, attributes: IoAttributes, data: memoryview) -> Record:
        if attributes.flags & protocol.IO_PREPARE:
            record = self._allocate(attributes.id, attributes.number)
            record.flags |= UNCOMMITTED
        else:
            found = self.records.get(attributes.id)
            if found is None or not found.flags & UNCOMMITTED:
                raise Refused(errno.ENOENT)
            record = found
        end = attributes.offset + len(data)
        if end > len(record.room):
            raise Refused(errno.E2BIG)
        record.room[attributes.offset : end] = data
        if attributes.flags & protocol.IO_COMMIT:
            record.flags &= ~UNCOMMITTED
            record.size = attributes.number
        return self._stamp(record, attributes, record.size)

    def _allocate(self, key: bytes, size: int) -> Record:
        record = Record(bytearray(size), self.end + BEFORE)
        self.end += BEFORE + size + BEHIND
        self.records[key] = record
        return record

    def _stamp(self, record: Record, attributes: IoAttributes, written: int) -> Record:
        record.timestamp = attributes.timestamp
        record.user_flags = attributes.user_flags
        record.written = written
        return record
