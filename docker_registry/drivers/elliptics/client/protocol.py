"""The bytes on the wire: headers, attributes and payloads of the classic commands.

One connection carries packets in both directions: a header of 120 bytes and ``Header.size`` bytes
of payload. Numbers are little-endian; nothing is padded, except where a comment says so. The
layouts are those of Elliptics 2.26 and 3.0 (``include/elliptics/packet.h`` there).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from docker_registry.drivers.elliptics.client.errors import ProtocolError

# Commands

LOOKUP = 1
REVERSE_LOOKUP = 2
WRITE = 4
READ = 5
ROUTE_LIST = 8
DELETE = 11
BULK_READ = 17
UPDATE_IDS = 24

# Flags of a header

NEED_ACK = 0x1
MORE = 0x2
DIRECT = 0x8
NOLOCK = 0x10
CHECKSUM = 0x20
REPLY = 0x200

# Flags of I/O attributes

IO_APPEND = 0x2
IO_PREPARE = 0x10
IO_COMMIT = 0x20
IO_NOCSUM = 0x100
IO_PLAIN_WRITE = 0x200
IO_COMPARE_AND_SWAP = 0x2000
#: In a READ: also give the checksum of what is read.
IO_CHECKSUM = 0x4000
#: In a WRITE, the same bit: answer without ``FileInfo``.
IO_WRITE_NO_FILE_INFO = 0x4000

ID_BYTES = 64
NO_ID = bytes(ID_BYTES)

#: Versions of the protocol that a handshake may name: the server closes the connection unless the
#: first two numbers are its own.
VERSIONS = ((3, 0), (2, 26), (2, 27))


def key_id(key: bytes, namespace: bytes = b"") -> bytes:
    """Give the 64 bytes by which the cluster knows a key: names are never stored."""
    return hashlib.sha512(namespace + b"\0" + key if namespace else key).digest()


def checksum(data: bytes) -> bytes:
    """Give what a compare-and-swap knows data by."""
    return hashlib.sha512(data).digest()


@dataclass(frozen=True, slots=True)
class Header:
    """The beginning of every packet.

    :ivar id: of the object.
    :ivar group: the replica group that is asked.
    :ivar status: 0, or in replies a negative error number.
    :ivar backend: in replies the back end that answered.
    :ivar transaction: chosen by the client, repeated in every reply to the request.
    :ivar size: bytes of payload behind the header.
    """

    id: bytes
    group: int
    command: int
    flags: int
    transaction: int
    size: int = 0
    status: int = 0
    backend: int = 0
    trace: int = 0

    _LAYOUT: ClassVar = struct.Struct("<64sIQiiiQQQQ")
    BYTES: ClassVar[int] = 120

    def pack(self) -> bytes:
        """Give the 120 bytes."""
        return self._LAYOUT.pack(
            self.id,
            self.group,
            0,
            self.status,
            self.command,
            self.backend,
            self.trace,
            self.flags,
            self.transaction,
            self.size,
        )

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview) -> Self:
        """Read a header from the first 120 bytes."""
        (id_, group, _, status, command, backend, trace, flags, transaction, size) = (
            cls._LAYOUT.unpack_from(data)
        )
        return cls(id_, group, command, flags, transaction, size, status, backend, trace)


@dataclass(frozen=True, slots=True)
class IoAttributes:
    """What READ, WRITE, DELETE and BULK_READ say about the data.

    :ivar parent: the id, or what a compare-and-swap expects (``checksum`` of the data).
    :ivar number: bytes to reserve (prepare) or the final size (commit).
    :ivar timestamp: seconds and nanoseconds, stored with the object.
    :ivar total_size: in replies the size of the whole object.
    :ivar size: bytes of data that follow; in a READ request the bytes wanted, 0 for all.
    """

    id: bytes
    parent: bytes = b""
    start: int = 0
    number: int = 0
    timestamp: tuple[int, int] = (0, 0)
    user_flags: int = 0
    total_size: int = 0
    record_flags: int = 0
    flags: int = 0
    offset: int = 0
    size: int = 0

    _LAYOUT: ClassVar = struct.Struct("<64s64sQQQQQQQIIQQ")
    BYTES: ClassVar[int] = 208

    def pack(self) -> bytes:
        """Give the 208 bytes."""
        return self._LAYOUT.pack(
            self.parent or self.id,
            self.id,
            self.start,
            self.number,
            *self.timestamp,
            self.user_flags,
            self.total_size,
            self.record_flags,
            0,
            self.flags,
            self.offset,
            self.size,
        )

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview) -> Self:
        """Read attributes from the first 208 bytes; ``ProtocolError`` if there are fewer."""
        if len(data) < cls.BYTES:
            raise ProtocolError(f"{len(data)} bytes are too few for I/O attributes")
        (parent, id_, start, number, sec, nsec, user, total, record, _, flags, offset, size) = (
            cls._LAYOUT.unpack_from(data)
        )
        return cls(
            id_, parent, start, number, (sec, nsec), user, total, record, flags, offset, size
        )
