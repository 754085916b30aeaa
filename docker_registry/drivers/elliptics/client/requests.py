"""Requests, ready to be sent: one function a command.

Every request goes to one replica group: replication is the client's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from docker_registry.drivers.elliptics.client import protocol
from docker_registry.drivers.elliptics.client.protocol import Header, IoAttributes

#: What the expected data of a compare-and-swap are called where none are expected. It can't be
#: the checksum of anything that is stored, as no object is empty.
NOTHING = protocol.NO_ID


@dataclass(frozen=True, slots=True)
class Request:
    """A packet without its transaction number.

    :ivar data: what follows the attributes; not copied.
    """

    command: int
    group: int
    id: bytes
    attributes: bytes = b""
    data: bytes | memoryview = b""
    flags: int = protocol.NEED_ACK

    def header(self, transaction: int) -> bytes:
        """Give the header's bytes."""
        size = len(self.attributes) + len(self.data)
        return Header(self.id, self.group, self.command, self.flags, transaction, size).pack()


def handshake(version: tuple[int, ...]) -> Request:
    """Ask a node what it holds, as a client of this version."""
    numbers = (*version, 0, 0, 0, 0)[:4]
    id_ = b"".join(number.to_bytes(4, "little") for number in numbers).ljust(64, b"\0")
    return Request(protocol.REVERSE_LOOKUP, 0, id_, flags=protocol.DIRECT | protocol.NOLOCK)


def routes() -> Request:
    """Ask for the addresses of all nodes."""
    flags = protocol.NEED_ACK | protocol.DIRECT | protocol.NOLOCK
    return Request(protocol.ROUTE_LIST, 0, protocol.NO_ID, flags=flags)


def lookup(group: int, id_: bytes, checksum: bool = False) -> Request:
    """Ask for size, time and, where wanted, SHA-512 of an object; it is answered ``FileInfo``."""
    flags = protocol.NEED_ACK | (protocol.CHECKSUM if checksum else 0)
    return Request(protocol.LOOKUP, group, id_, flags=flags)


def read(group: int, id_: bytes, offset: int = 0, size: int = 0, io_flags: int = 0) -> Request:
    """Ask for ``size`` bytes (0: all) from ``offset``; it is answered attributes and data.

    Beyond the end the answer is -7 (E2BIG), and that is at ``offset`` equal to the size already;
    more bytes than there are, are cut.
    """
    attributes = IoAttributes(id_, offset=offset, size=size, flags=io_flags)
    return Request(protocol.READ, group, id_, attributes.pack())


def bulk_read(group: int, ids: Sequence[bytes]) -> Request:
    """Ask for several whole objects of one group that lie on the same node.

    It is answered by one packet an object (an error where it is missing), and a last one.
    """
    first = IoAttributes(ids[0], size=IoAttributes.BYTES * len(ids)).pack()
    wanted = b"".join(IoAttributes(id_).pack() for id_ in ids)
    return Request(protocol.BULK_READ, group, ids[0], first, wanted)


def write(
    group: int,
    id_: bytes,
    data: bytes | memoryview,
    timestamp: tuple[int, int],
    *,
    offset: int = 0,
    number: int = 0,
    user_flags: int = 0,
    io_flags: int = 0,
) -> Request:
    """Store data; never empty ones, which a server refuses or passes over in silence."""
    attributes = IoAttributes(
        id_,
        number=number,
        timestamp=timestamp,
        user_flags=user_flags,
        flags=io_flags,
        offset=offset,
        size=len(data),
    )
    return Request(protocol.WRITE, group, id_, attributes.pack(), data)


def compare_and_swap(
    group: int, id_: bytes, expected: bytes, data: bytes, timestamp: tuple[int, int]
) -> Request:
    """Store data if what is stored has the checksum ``expected``; else the answer is -77.

    A key that is missing takes the data whatever was expected: of two that create it, the second
    finds the data of the first.
    """
    attributes = IoAttributes(
        id_,
        expected,
        timestamp=timestamp,
        flags=protocol.IO_COMPARE_AND_SWAP,
        size=len(data),
    )
    return Request(protocol.WRITE, group, id_, attributes.pack(), data)


def delete(group: int, id_: bytes) -> Request:
    """Remove an object; the answer is -2 if it is not there."""
    return Request(protocol.DELETE, group, id_, IoAttributes(id_).pack())
