"""Nodes and where objects lie on them: addresses, back ends, the answer to a handshake."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from docker_registry.drivers.elliptics.client.errors import ProtocolError
from docker_registry.drivers.elliptics.client.protocol import ID_BYTES, NO_ID


class Address(NamedTuple):
    """Where a node listens.

    :ivar family: 2 for IPv4, 10 for IPv6.
    """

    host: str
    port: int
    family: int = socket.AF_INET

    def __str__(self) -> str:
        return f"{self.host}:{self.port}:{int(self.family)}"

    def pack(self) -> bytes:
        """Give the 32 bytes: a raw ``sockaddr`` of 28, its length, the family."""
        if self.family == socket.AF_INET6:
            raw = struct.pack("<H", self.family) + struct.pack(">HI", self.port, 0)
            raw += socket.inet_pton(socket.AF_INET6, self.host)
            return struct.pack("<28sHH", raw, 28, self.family)
        raw = struct.pack("<H", self.family) + struct.pack(">H", self.port)
        raw += socket.inet_pton(socket.AF_INET, self.host)
        return struct.pack("<28sHH", raw, 16, self.family)

    @classmethod
    def unpack(cls, data: bytes | memoryview) -> Self:
        """Read 32 bytes."""
        raw, _, family = struct.unpack_from("<28sHH", data)
        (port,) = struct.unpack_from(">H", raw, 2)
        if family == socket.AF_INET6:
            return cls(socket.inet_ntop(socket.AF_INET6, raw[8:24]), port, family)
        return cls(socket.inet_ntop(socket.AF_INET, raw[4:8]), port, family)


#: How long a packed address is.
ADDRESS_BYTES = 32


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What WRITE and LOOKUP answer: where and how an object lies.

    :ivar checksum: SHA-512 of the data if the LOOKUP asked for it, else zeros.
    :ivar offset: of the data in the file.
    """

    address: Address
    path: bytes
    size: int
    record_flags: int
    offset: int
    timestamp: tuple[int, int]
    checksum: bytes = NO_ID

    # Padded as C does on x86-64: four bytes before the first 64-bit number.
    _LAYOUT: ClassVar = struct.Struct("<i64s4xQQQQQ")

    def pack(self) -> bytes:
        """Give the address, the 112 bytes and the path, with the zero byte that ends it."""
        fixed = self._LAYOUT.pack(
            len(self.path) + 1,
            self.checksum,
            self.record_flags,
            self.size,
            self.offset,
            *self.timestamp,
        )
        return self.address.pack() + fixed + self.path + b"\0"

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview) -> Self:
        """Read it from a payload; ``ProtocolError`` if that is too short."""
        view = memoryview(data)
        start = ADDRESS_BYTES + cls._LAYOUT.size
        if len(view) < start:
            raise ProtocolError(f"{len(view)} bytes are too few for the place of an object")
        address = Address.unpack(view)
        length, found, flags, size, offset, sec, nsec = cls._LAYOUT.unpack_from(view, ADDRESS_BYTES)
        path = bytes(view[start : start + length]).rstrip(b"\0")
        return cls(address, path, size, flags, offset, (sec, nsec), found)


@dataclass(frozen=True, slots=True)
class Backend:
    """A back end of a node: the part of one group that lies there.

    :ivar ring: the ids where its parts of the key space begin.
    """

    number: int
    group: int
    disabled: bool
    ring: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a node answers to REVERSE_LOOKUP: its addresses and its back ends."""

    addresses: tuple[Address, ...]
    backends: tuple[Backend, ...]

    def pack(self) -> bytes:
        """Give the payload."""
        parts = [_pack_addresses(self.addresses), struct.pack("<i", len(self.backends))]
        for backend in self.backends:
            flags = int(backend.disabled)
            parts.append(
                struct.pack("<iiII", backend.number, backend.group, flags, len(backend.ring))
            )
            parts.extend(backend.ring)
        return b"".join(parts)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Read a payload; ``ProtocolError`` if it ends too early."""
        try:
            addresses, place = _unpack_addresses(data)
            (count,) = struct.unpack_from("<i", data, place)
            place += 4
            backends = []
            for _ in range(count):
                number, group, flags, ids = struct.unpack_from("<iiII", data, place)
                place += 16
                ring = struct.unpack_from("<" + "64s" * ids, data, place)
                place += ID_BYTES * ids
                backends.append(Backend(number, group, bool(flags & 1), ring))
        except struct.error as error:
            raise ProtocolError("the answer to the handshake is cut off") from error
        return cls(addresses, tuple(backends))


def pack_routes(addresses: tuple[Address, ...]) -> bytes:
    """Give the payload of an answer to ROUTE_LIST."""
    return _pack_addresses(addresses)


def unpack_routes(data: bytes) -> tuple[Address, ...]:
    """Read the answer to ROUTE_LIST: all nodes that have joined the cluster."""
    try:
        return _unpack_addresses(data)[0]
    except struct.error as error:
        raise ProtocolError("the list of nodes is cut off") from error


def _pack_addresses(addresses: tuple[Address, ...]) -> bytes:
    # How many addresses a node has (always one here), and how many there are of all nodes.
    return struct.pack("<ii", 1, len(addresses)) + b"".join(map(Address.pack, addresses))


def _unpack_addresses(data: bytes) -> tuple[tuple[Address, ...], int]:
    _, count = struct.unpack_from("<ii", data)
    if not 0 <= count <= (len(data) - 8) // ADDRESS_BYTES:
        raise ProtocolError(f"{count} addresses in {len(data)} bytes")
    view = memoryview(data)
    end = 8 + ADDRESS_BYTES * count
    return tuple(Address.unpack(view[place:]) for place in range(8, end, ADDRESS_BYTES)), end
