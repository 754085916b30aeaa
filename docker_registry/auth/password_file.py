"""A file of users and hashes of their passwords, as Apache's ``htpasswd -B`` writes it.

One user a line, ``name:hash``, in UTF-8; empty lines and those that begin with ``#`` are for
people. Of several lines for one user the first counts, as for Apache.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import bcrypt

from docker_registry.errors import IdentityUnavailable

log = logging.getLogger(__name__)

#: The cost of new hashes, and of a comparison where nobody is in the file: 2 to that power rounds.
COST = 12
#: bcrypt looks at no more bytes of a password.
PASSWORD_BYTES = 72
#: Version, cost, salt, hash. The last character of a salt stands for two bits of its 16 bytes.
_HASH = re.compile(rb"\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
#: File systems tell times of changes in steps. A file that changed so many seconds ago or less, by
#: its time, may have changed again since within one step, so it is read once more.
_STEP = 2


@dataclass(frozen=True)
class Line:
    r"""A line of the file, without the ``\n`` that ends it.

    :ivar number: from 1.
    :ivar user: whom it is about; ``None`` if it is not about anybody.
    :ivar hash: of bcrypt; ``None`` if there is none, and the line doesn't count.
    """

    number: int
    content: bytes
    user: str | None = None
    hash: bytes | None = None

    @property
    def is_blank(self) -> bool:
        """Whether it is empty or a comment."""
        return not self.content.strip() or self.content.lstrip().startswith(b"#")


def parse(content: bytes) -> Iterator[Line]:
    """Read the lines of a file."""
    for number, written in enumerate(content.split(b"\n"), start=1):
        line = Line(number, written)
        if line.is_blank:
            yield line
            continue
        name, _, rest = written.partition(b":")
        try:
            user = name.strip().decode()
        except UnicodeDecodeError:
            yield line
            continue
        given = rest.strip()
        yield Line(number, written, user or None, given if _HASH.fullmatch(given) else None)


@dataclass(frozen=True)
class Users:
    """The users of a file.

    :ivar hashes: by user.
    :ivar ignored: numbers of lines that don't count: without a bcrypt hash, or for a user who had
        one before.
    :ivar dummy: a hash that no password has, as costly to compare with as any of the file.
    """

    hashes: Mapping[str, bytes]
    ignored: tuple[int, ...]
    dummy: bytes

    @classmethod
    def of(cls, content: bytes) -> Users:
        """Make it of what a file holds."""
        hashes: dict[str, bytes] = {}
        ignored = []
        for line in parse(content):
            if line.is_blank:
                continue
            if line.user is None or line.hash is None or line.user in hashes:
                ignored.append(line.number)
            else:
                hashes[line.user] = line.hash
        cost = max((int(hash.split(b"$")[2]) for hash in hashes.values()), default=COST)
        # A hash has 31 characters after its salt: that a password has these is as likely as
        # guessing 184 bits.
        return cls(hashes, tuple(ignored), bcrypt.gensalt(cost) + b"." * 31)


#: What changes when a file does: its place on the disk, its size, and its times.
_Signature = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class _State:
    signature: _Signature
    settled: bool
    users: Users


class PasswordFile:
    """The users of a file, as it is now. Safe to use from many threads.

    A file that is gone or can't be read has no users that could be let in, and isn't taken for
    one that has none: who asks is told to try later.

    :param path: of the file, which may be replaced, or written anew, at any time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state: _State | None = None
        self._is_away = False
        self._lock = Lock()

    def users(self) -> Users:
        """Give the users. Raises ``IdentityUnavailable`` if the file can't be read."""
        try:
            found = self._read_if_changed()
        except OSError as error:
            self._note_away(error)
            raise IdentityUnavailable(
                "who is known here can't be read now: try again later"
            ) from error
        if self._is_away:
            self._is_away = False
            log.warning("%s: it can be read again", self.path)
        return found

    def read(self) -> Users:
        """Read the file in any case. Raises ``OSError``."""
        with self._lock, self.path.open("rb") as file:
            # Before the content: a change in between makes the file differ from this.
            status = os.fstat(file.fileno())
            users = Users.of(file.read())
            self._tell_ignored(users)
            # Of a time to come nothing can be told.
            settled = time.time() - status.st_mtime > _STEP
            self._state = _State(_signature(status), settled, users)
        return users

    def _read_if_changed(self) -> Users:
        signature = _signature(self.path.stat())
        state = self._state
        if state is None or not state.settled or state.signature != signature:
            return self.read()
        return state.users

    def _tell_ignored(self, users: Users) -> None:
        told = self._state.users.ignored if self._state else ()
        if users.ignored and users.ignored != told:
            log.warning(
                "%s: line %s counts for nothing: it has no user with a bcrypt hash, or one whom a "
                "line above has. `docker-registry user add NAME` writes a good one",
                self.path,
                ", ".join(map(str, users.ignored)),
            )

    def _note_away(self, error: OSError) -> None:
        with self._lock:
            if not self._is_away:
                self._is_away = True
                log.error("%s: %s: its users can't log in until it can be read", self.path, error)


def _signature(status: os.stat_result) -> _Signature:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
