"""Durable changes to a directory tree.

A file is written beside the tree, in ``<root>/.tmp`` on the same file system, and renamed to its
place when it is whole: a crash at any instant leaves the old content or the new one, and at worst
a temporary file, which the next start sweeps.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from docker_registry.drivers.durability import Durability
from docker_registry.drivers.file_errors import storage_errors
from docker_registry.drivers.new_file import NewFile
from docker_registry.errors import Unavailable

#: How often a rename is tried whose directory others take away. One try fails only if another
#: writer empties and removes the directory within the microseconds after it was made.
ATTEMPTS = 100

#: How long a temporary file may lie untouched before a sweep takes it, in seconds.
SWEEP_AGE = 24 * 60 * 60

#: Permissions of a file: as the umask has it, or for its owner only.
PUBLIC, PRIVATE = 0o666, 0o600

#: What ``link`` says where a file can't have another name there: of a directory, on another file
#: system, with too many names, of others' files (link(2); proc(5), protected_hardlinks).
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP}


class Tree:
    """A directory whose files are replaced whole.

    Safe for many threads and processes at once, which may also add and remove directories.

    :param root: absolute path of the directory; made when it is first written to.
    :param fsync: whether a change is on the disk, not only in the page cache, before it is
        reported as done.
    :ivar durability: sees to that.
    """

    def __init__(self, root: str, fsync: bool) -> None:
        self.root = root
        self.durability = Durability(fsync)
        self._temporary = f"{root}/.tmp"

    @contextmanager
    def temporary(self, mode: int = PUBLIC) -> Iterator[TemporaryFile]:
        """Open a new temporary file; what was not moved to its place in the block is removed.

        :param mode: its permissions, of which the umask takes away.
        """
        path = self._temporary_path()
        with storage_errors(path):
            descriptor, changed = _create(path, mode)
            self.durability.of_directories(changed)
        file = TemporaryFile(self, path, descriptor)
        try:
            yield file
        finally:
            with storage_errors(path):
                try:
                    file.close()
                finally:
                    with suppress(FileNotFoundError):
                        os.unlink(path)

    @contextmanager
    def new(self, path: str) -> Iterator[NewFile]:
        """Open a new file at its place, whose name isn't durable; it is removed if the block fails.

        For a name that nobody looks for before the block has ended.
        """
        with storage_errors(path):
            descriptor, _ = _create(path, PUBLIC)
        file = NewFile(path, descriptor, self.durability)
        try:
            yield file
            with storage_errors(path):
                if file.links() == 0:
                    raise FileNotFoundError(errno.ENOENT, "removed by others")
        except BaseException:
            self.discard(path)
            raise
        finally:
            file.close()

    def move(self, source: str, target: str) -> None:
        """Rename a file of the tree to ``target``, durably, making the directories above it."""
        with storage_errors(target):
            self._place(source, target, os.rename)

    def create(self, source: str, target: str) -> bool:
        """Make a file the one at ``target`` too, durably, where there is none.

        ``False`` if there is one: of many that do this at once exactly one is told ``True``, but
        for file systems without hard links.
        """
        with storage_errors(target):
            try:
                self._place(source, target, os.link)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
                if os.path.lexists(target):
                    return False
                self._place(source, target, os.rename)
        return True

    def link(self, source: str, target: str) -> bool:
        """Make a file the one at ``target`` too, durably, replacing any.

        ``False``, and nothing done, where the file system or its rules don't let one file have two
        names.
        """
        name = self._temporary_path()
        with storage_errors(source):
            self.durability.of_directories(_make_directories(self._temporary))
            try:
                # link(2) would give a symbolic link itself another name.
                os.link(os.path.realpath(source), name)
                # The new object is as old as this, and the old one can't help being so too.
                os.utime(name)
                self._sync_path(name)
            except OSError as error:
                with suppress(FileNotFoundError):
                    os.unlink(name)
                if error.errno in _NO_LINK:
                    return False
                raise
        try:
            self.move(name, target)
        finally:
            # Still there also if the target was the same file before (rename(2)).
            with suppress(FileNotFoundError):
                os.unlink(name)
        return True

    def remove(self, path: str) -> None:
        """Remove a file, or a directory with all below it, and directories left empty above it."""
        with storage_errors(path):
            try:
                os.unlink(path)
            except IsADirectoryError:
                self._remove_tree(path)
            else:
                self.durability.of_directories([os.path.dirname(path)])
            self._prune(os.path.dirname(path))

    def discard(self, path: str) -> None:
        """Remove a file, or a directory with all below it, if it is there; a crash may undo it.

        Directories left empty above it go too.
        """
        with storage_errors(path):
            try:
                os.unlink(path)
            except (FileNotFoundError, NotADirectoryError):
                return
            except IsADirectoryError:
                _discard_directory(path)
            self._prune(os.path.dirname(path))

    def sweep(self) -> None:
        """Remove temporary files that a crash left behind, as far as that is possible."""
        oldest = time.time() - SWEEP_AGE
        with suppress(OSError), os.scandir(self._temporary) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < oldest:
                        _discard(entry.path)

    def _place(self, source: str, target: str, place: Callable[[str, str], None]) -> None:
        """Give a file a name, making the directories above it."""
        directory = os.path.dirname(target)
        changed = {directory}
        # A delete that empties the directory removes it, perhaps between our mkdir and our
        # rename; then both are done again.
        for _ in range(ATTEMPTS):
            try:
                place(source, target)
            except FileNotFoundError:
                if not os.path.lexists(source):
                    raise
                changed |= _make_directories(directory)
            else:
                break
        else:
            raise _taken_away(directory)
        self.durability.of_directories(changed)

    def _sync_path(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.durability.of_file(descriptor)
        finally:
            os.close(descriptor)

    def _temporary_path(self) -> str:
        return f"{self._temporary}/{uuid.uuid4().hex}"

    def _remove_tree(self, directory: str) -> None:
        if find_file(os.fsencode(directory)) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), directory)
        # Renamed away, the tree is gone at once, for everybody and after a crash. The space is
        # given back after that; what can't be removed now is left to the sweep.
        _make_directories(self._temporary)
        removed = self._temporary_path()
        os.rename(directory, removed)
        self.durability.of_directories([os.path.dirname(directory)])
        _discard(removed)

    def _prune(self, directory: str) -> None:
        while len(directory) > len(self.root):
            try:
                os.rmdir(directory)
            except OSError:
                return  # It holds something, or another delete goes on from here.
            directory = os.path.dirname(directory)


class TemporaryFile(NewFile):
    """A file being written, which nobody sees before it is moved to its place."""

    def __init__(self, tree: Tree, path: str, descriptor: int) -> None:
        super().__init__(path, descriptor, tree.durability)
        self._tree = tree

    def move(self, target: str) -> None:
        """Make it the file at ``target``, durably, replacing any."""
        self.sync()
        self._tree.move(self.path, target)

    def create(self, target: str) -> bool:
        """Make it the file at ``target``, durably, where there is none; ``False`` if there is."""
        self.sync()
        return self._tree.create(self.path, target)


def _taken_away(path: str) -> Unavailable:
    return Unavailable(f"{path}: removed by others {ATTEMPTS} times in a row")


def find_file(path: bytes) -> bytes | None:
    """Give the path of a file: this one, or any below a directory; hidden names don't count."""
    directories = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith(b"."):
                    continue
                if not entry.is_dir():
                    return entry.path
                directories.append(entry.path)
    except NotADirectoryError:
        return path
    except FileNotFoundError:
        return None
    return next(filter(None, map(find_file, directories)), None)


def _create(path: str, mode: int) -> tuple[int, set[str]]:
    """Open a new file for writing; give it, and the directories that have a new one above it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    changed: set[str] = set()
    for _ in range(ATTEMPTS):
        try:
            return os.open(path, flags, mode), changed
        except FileNotFoundError:
            changed |= _make_directories(os.path.dirname(path))
    raise _taken_away(path)


def _make_directories(directory: str) -> set[str]:
    """Make a directory and those above it; give the directories that have a new entry."""
    parent = os.path.dirname(directory)
    changed: set[str] = set()
    try:
        os.mkdir(directory)
    except FileExistsError:
        return changed
    except FileNotFoundError:
        changed = _make_directories(parent)
        # Others may have made it, or have taken the parent away again: the caller finds out.
        with suppress(FileExistsError, FileNotFoundError):
            os.mkdir(directory)
    return changed | {parent}


def _discard_directory(directory: str) -> None:
    """Remove a directory, which mostly has files only."""
    try:
        for name in os.listdir(directory):
            os.unlink(f"{directory}/{name}")
        os.rmdir(directory)
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)


def _discard(path: str) -> None:
    try:
        Path(path).unlink(missing_ok=True)
    except IsADirectoryError:
        shutil.rmtree(path, ignore_errors=True)
