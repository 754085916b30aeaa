"""Changes to a file of users: the file is replaced as a whole, and lines of others stay."""

from __future__ import annotations

import fcntl
import os
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import bcrypt

from docker_registry.auth.password_file import COST, PASSWORD_BYTES, Line, parse

#: Characters that a user name may have: htpasswd of Apache takes as many.
NAME_LENGTH = 255
#: Of a new file: hashes are nobody's business but the registry's.
_MODE = 0o600


def check_name(name: str) -> str:
    """Check the name of a user; ``ValueError`` says what would be right (RFC 7617, section 2)."""
    if not name or len(name) > NAME_LENGTH:
        raise ValueError(f"a user name should have 1 to {NAME_LENGTH} characters")
    if ":" in name or not name.isprintable():
        raise ValueError("a user name should have no colon and no control characters")
    if name.startswith("#") or name != name.strip():
        raise ValueError("a user name should not begin with #, nor begin or end with a space")
    return name


def check_password(password: str) -> str:
    """Check a new password; ``ValueError`` says what would be right (RFC 7617, section 2)."""
    size = len(password.encode())
    if not 1 <= size <= PASSWORD_BYTES:
        raise ValueError(
            f"a password should have 1 to {PASSWORD_BYTES} bytes, which is what bcrypt looks at, "
            f"and this one has {size}"
        )
    if any(unicodedata.category(character) == "Cc" for character in password):
        raise ValueError("a password should have no control characters")
    return password


def hash_of(password: str) -> bytes:
    """Give the hash that is to be stored for a password that ``check_password`` takes."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(COST))


def put(path: Path, user: str, hash: bytes) -> bool:
    """Give a user a hash; tell whether the user was there before.

    A file that isn't there is made. Raises ``OSError``.
    """
    with _locked(path) as target:
        lines = _lines(target)
        new = user.encode() + b":" + hash
        kept = _with(lines, user, new)
        _replace(target, kept if new in kept else [*kept, new])
        return new in kept


def remove(path: Path, user: str) -> bool:
    """Remove a user; tell whether the user was there. Raises ``OSError``."""
    with _locked(path) as target:
        lines = _lines(target)
        kept = _with(lines, user, None)
        if len(kept) < len(lines):
            _replace(target, kept)
        return len(kept) < len(lines)


def _lines(target: Path) -> list[Line]:
    try:
        content = target.read_bytes()
    except FileNotFoundError:
        return []
    lines = list(parse(content))
    # What follows the last line's end is no line.
    return lines if lines[-1].content else lines[:-1]


def _with(lines: list[Line], user: str, new: bytes | None) -> list[bytes]:
    """Give the lines with another one for a user, in the place of the first, or with none."""
    kept = []
    for line in lines:
        if line.user != user:
            kept.append(line.content)
        elif new is not None:
            kept.append(new)
            new = None
    return kept


@contextmanager
def _locked(path: Path) -> Iterator[Path]:
    """Keep others from changing the file meanwhile; give where it is."""
    # A symbolic link stays one, to the new file.
    target = path.resolve()
    # The file itself is replaced, so a lock on it would be on the old one.
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield target
    finally:
        os.close(directory)


def _replace(target: Path, lines: list[bytes]) -> None:
    """Put a new file in the place of the old one, durably, with its mode and owner."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _take_after(target, file.fileno())
            file.writelines(line + b"\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    _sync_directory(target.parent)


def _take_after(target: Path, descriptor: int) -> None:
    try:
        status = target.stat()
    except FileNotFoundError:
        return
    # Only root may give a file away. Where it stays ours anyway, anybody may.
    os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, status.st_mode & 0o7777)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
