"""What is in a layer: its tar archive, read as a stream and never extracted."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from docker_registry.errors import LayerInvalid
from docker_registry.legacy.compression import LIMIT_BYTES, decompress

# The one of before 3.11.10 takes time that grows with the square of what a header has.
if sys.version_info >= (3, 14):
    import tarfile
else:
    from backports.zstd import tarfile

#: What the headers of one member may have, in bytes: its names, attributes and sparse map.
HEADER_BYTES = 64 * 1024

#: How many members a layer may have, and how many bytes all their names.
MEMBERS = 1_000_000
NAMES_BYTES = 256 * 1024 * 1024

#: What the name of a file begins with that says that another one is deleted (aufs).
WHITEOUT = ".wh."
#: What aufs keeps for itself: marks of directories that hide those below, and hard links.
_AUFS = ".wh..wh."

#: The letters that 0.9 has for types of files.
_LETTERS = {
    tarfile.REGTYPE: "f",
    tarfile.AREGTYPE: "f",
    tarfile.LNKTYPE: "l",
    tarfile.SYMTYPE: "s",
    tarfile.CHRTYPE: "c",
    tarfile.BLKTYPE: "b",
    tarfile.DIRTYPE: "d",
    tarfile.FIFOTYPE: "i",
    tarfile.CONTTYPE: "t",
    tarfile.GNUTYPE_LONGNAME: "L",
    tarfile.GNUTYPE_LONGLINK: "K",
    tarfile.GNUTYPE_SPARSE: "S",
}

#: Name, type, whether it is deleted, size in bytes, mtime in seconds since the epoch, mode, uid and
#: gid: an element of V1's ``/files``.
FileEntry = tuple[str, str, bool, int, int, int, int, int]

#: What ``tarfile`` raises for archives that it can't read, or that are made to break it.
_FAILURES = (tarfile.TarError, ValueError, OverflowError, RecursionError, TypeError, LookupError)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an archive.

    :ivar header: all that its header says.
    """

    header: tarfile.TarInfo
    _source: _Source

    def content(self) -> Iterator[bytes]:
        """Give its bytes. Only before the next member is asked for."""
        if self.header.sparse is not None:
            raise LayerInvalid(f"{self.header.name!r} is a sparse file, whose holes are not read")
        return self._source.take(self.header.size if self.header.isreg() else 0)


def files(layer: Iterable[bytes], limit: int = LIMIT_BYTES) -> Iterator[FileEntry]:
    """Give what 0.9 says of each file in a layer.

    Whiteouts are given as the files that they delete; what aufs keeps for itself is left out.

    :param layer: its bytes as stored, compressed or not; none at all are an empty layer.
    :param limit: how many bytes it may have when decompressed.
    :raises LayerInvalid: it can't be read as a tar archive.
    """
    for member in members(decompress(layer, limit)):
        entry = _entry(member.header)
        if entry is not None:
            yield entry


def members(chunks: Iterable[bytes]) -> Iterator[Member]:
    """Give the members of an archive, and read no further than asked.

    Little memory is taken, whatever the archive says: headers are bounded, contents passed over.

    :param chunks: the archive's bytes, not compressed; none at all are an archive without members.
    :raises LayerInvalid: it can't be read.
    """
    source = _Source(chunks)
    names = 0
    for count, header in enumerate(_headers(source), 1):
        names += len(header.name) + len(header.linkname)
        if count > MEMBERS or names > NAMES_BYTES:
            raise LayerInvalid(
                f"it has more than {MEMBERS} files, or names of more than {NAMES_BYTES} bytes"
            )
        yield Member(header, source)


def name_of(header: tarfile.TarInfo) -> str:
    """Give the absolute path of a member: ``/etc/passwd`` for ``./etc/passwd``."""
    return "/" + "/".join(part for part in header.name.split("/") if part not in ("", "."))


def _headers(source: _Source) -> Iterator[tarfile.TarInfo]:
    if source.is_empty():
        return
    try:
        archive = tarfile.TarFile(
            fileobj=source, encoding="utf-8", errors="surrogateescape", stream=True
        )
        for header in archive:
            if header.size < 0 or not math.isfinite(header.mtime):
                raise LayerInvalid(
                    f"size and time of {header.name[:80]!r} are {header.size} and {header.mtime}"
                )
            # What holds for all members is copied to each.
            if sum(map(len, archive.pax_headers.values())) > HEADER_BYTES:
                raise LayerInvalid(f"its global headers have more than {HEADER_BYTES} bytes")
            yield header
            source.begin_header()
    except _FAILURES as error:
        raise LayerInvalid(str(error) or type(error).__name__) from error
    # A header that can't be read ends an archive for ``tarfile``, like the zeros that should.
    if source.last.strip(b"\0"):
        raise LayerInvalid(f"there is no header at byte {source.tell() - len(source.last)}")


def _entry(header: tarfile.TarInfo) -> FileEntry | None:
    name = name_of(header)
    directory, _, base = name.rpartition("/")
    if f"/{_AUFS}" in name:
        return None
    deleted = base.startswith(WHITEOUT)
    if deleted:
        name = f"{directory}/{base.removeprefix(WHITEOUT)}"
    return (
        name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        _LETTERS.get(header.type, "u"),
        deleted,
        header.size,
        int(header.mtime),
        header.mode,
        header.uid,
        header.gid,
    )


class _Source(io.RawIOBase):
    """The archive as ``tarfile`` reads it: a file that only goes forward.

    :ivar last: what the last ``read`` gave.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self.last = b""
        self._chunks = iter(chunks)
        self._held = memoryview(b"")
        self._position = 0
        self._budget = HEADER_BYTES

    def is_empty(self) -> bool:
        """Tell whether there are no bytes at all."""
        return not self._fill()

    def begin_header(self) -> None:
        """Expect the headers of another member."""
        self._budget = HEADER_BYTES

    def read(self, size: int = -1) -> bytes:
        """Give that many bytes of a header, fewer only at the end."""
        self._budget -= size
        if size < 0 or self._budget < 0:
            raise LayerInvalid(f"a header has more than {HEADER_BYTES} bytes")
        self.last = b"".join(self.take(size))
        return self.last

    def tell(self) -> int:
        """Give how many bytes were read or passed over."""
        return self._position

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        """Pass over the bytes up to a position."""
        if whence != io.SEEK_SET or position < self._position:
            raise LayerInvalid("a header leads back to what was read before")
        for _ in self.take(position - self._position):
            continue
        return self._position

    def take(self, size: int) -> Iterator[bytes]:
        """Give the next bytes, that many or as many as there are."""
        while size and self._fill():
            piece, self._held = self._held[:size], self._held[size:]
            self._position += len(piece)
            size -= len(piece)
            yield bytes(piece)

    def _fill(self) -> bool:
        while not self._held:
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._held = memoryview(chunk)
        return True
