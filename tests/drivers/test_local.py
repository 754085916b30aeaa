"""What only the local driver promises: escapes, durability, errors of the file system."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from docker_registry.drivers import durability, file_errors, files
from docker_registry.drivers.base import CHUNK_BYTES
from docker_registry.drivers.local import LocalDriver
from docker_registry.errors import (
    AccessDenied,
    PathNotFound,
    QuotaExceeded,
    StorageError,
    Unavailable,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def leftovers(root: Path) -> list[str]:
    return sorted(entry.name for entry in (root / ".tmp").iterdir())


# Copies


def inode(root: Path, path: str) -> int:
    return (root / path).stat().st_ino


def test_a_copy_is_the_same_file_under_another_name(root: Path) -> None:
    driver = LocalDriver(root)
    driver.put_content("a/source", b"data")
    for _ in range(2):
        driver.copy("up", "a/source", "b/target")
        assert inode(root, "b/target") == inode(root, "a/source")
        assert leftovers(root) == []
    driver.put_content("a/source", b"other")
    assert driver.get_content("b/target") == b"data"


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP])
def test_a_copy_where_no_file_has_two_names(
    root: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    driver = LocalDriver(root)
    driver.put_content("a", b"data")
    driver.copy("up", "a", "b")
    assert driver.get_content("b") == b"data"
    assert inode(root, "b") != inode(root, "a")
    assert leftovers(root) == []
    with pytest.raises(PathNotFound):
        driver.copy("up", "nothing", "b")


def test_a_copy_from_another_disk(root: Path) -> None:
    driver = LocalDriver(root)
    driver.put_content("a", b"data")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        Path(other, "source").write_bytes(b"far away")
        (root / "images").symlink_to(other)
        driver.copy("up", "images/source", "b")
        # A file that is a link itself must not become an object that is one.
        (root / "link").symlink_to(root / "a")
        driver.copy("up", "link", "c")
    assert driver.get_content("b") == b"far away"
    assert not (root / "c").is_symlink()
    assert driver.get_content("c") == b"data"


# Paths


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/etc/passwd",
        "a//b",
        "a/",
        ".",
        "..",
        "../a",
        "a/../../b",
        "a/./b",
        "a/..",
        ".tmp/x",
        "a/.hidden",
        "a\0b",
        "\0",
    ],
)
def test_no_path_leads_out(root: Path, path: str) -> None:
    driver = LocalDriver(root, fsync=False)
    driver.check()
    state = driver.append(driver.start_upload("up"), [b"x"])
    attempts = [
        lambda: driver.get_content(path),
        lambda: driver.put_content(path, b"x"),
        lambda: driver.put_transient(path, b"x"),
        lambda: driver.reader(path),
        lambda: driver.stat(path),
        lambda: driver.touch(path),
        lambda: driver.delete(path),
        lambda: driver.commit(state, path),
        lambda: driver.append(driver.start_upload(path), [b"x"]),
        lambda: driver.abort({**state, "path": path}),
    ]
    if path:
        attempts.append(lambda: driver.list(path))
    for attempt in attempts:
        with pytest.raises(ValueError, match="not a storage path"):
            attempt()
    assert [entry.name for entry in root.parent.iterdir()] == ["store"]
    assert sorted(entry.name for entry in root.iterdir()) == [".tmp", "up"]
    assert leftovers(root) == []


def test_an_upload_state_can_not_lead_out(root: Path) -> None:
    driver = LocalDriver(root, fsync=False)
    (root.parent / "secret").write_bytes(b"secret")
    state = {"path": "up", "parts": [{"name": "../../secret", "size": 6}], "size": 6}
    with pytest.raises(ValueError, match="not a storage path"):
        driver.commit(state, "target")
    with pytest.raises(ValueError, match="not a storage path"):
        list(driver.upload_content(state))
    with pytest.raises(ValueError, match="not a storage path"):
        driver.abort(state)
    assert (root.parent / "secret").read_bytes() == b"secret"


def test_the_root_may_be_relative_and_the_process_may_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    driver = LocalDriver(Path("store"))
    monkeypatch.chdir("/")
    driver.put_content("a", b"x")
    assert (tmp_path / "store/a").read_bytes() == b"x"


def test_a_directory_on_another_disk_is_followed_and_left_whole(root: Path) -> None:
    driver = LocalDriver(root)
    elsewhere = root.parent / "second-disk"
    elsewhere.mkdir()
    (elsewhere / "blob").write_bytes(b"x")
    root.mkdir()
    (root / "blobs").symlink_to(elsewhere)
    assert driver.list("") == ["blobs"]
    assert driver.get_content("blobs/blob") == b"x"
    driver.delete("blobs")
    assert driver.list("") == []
    assert (elsewhere / "blob").read_bytes() == b"x"


def test_names_that_are_no_unicode_are_listed_in_byte_order(root: Path) -> None:
    driver = LocalDriver(root)
    names = [b"\xff", b"\xc3\xa9", b"z", b"\xf0\x9f\x90\xb3"]
    for name in names:
        driver.put_content(f"d/{os.fsdecode(name)}", b"")
    listed = [os.fsencode(name) for name in driver.list("d")]
    assert listed == sorted(names)
    assert [os.fsencode(name) for name in driver.iterate("d", page=1)] == sorted(names)


# Durability


class Calls:
    """Records what is really done to the disk, in order, with paths below the root."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[tuple[str, str]] = []
        self._root = root
        real = {name: getattr(os, name) for name in ("fsync", "rename", "mkdir", "unlink")}

        def fsync(descriptor: int) -> None:
            self._note("fsync", str(Path(f"/proc/self/fd/{descriptor}").readlink()))
            real["fsync"](descriptor)

        def rename(source: str, target: str) -> None:
            real["rename"](source, target)
            self._note("rename", target)

        def mkdir(path: str, *mode: int) -> None:
            real["mkdir"](path, *mode)
            self._note("mkdir", path)

        def unlink(path: str, **options: int) -> None:
            real["unlink"](path, **options)
            self._note("unlink", path)

        for call in (fsync, rename, mkdir, unlink):
            monkeypatch.setattr(os, call.__name__, call)

    def _note(self, call: str, path: str) -> None:
        below = os.path.relpath(path, self._root)
        self.done.append((call, ".tmp/*" if below.startswith(".tmp/") else below))


@pytest.fixture
def calls(root: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    # The root and .tmp are there, as at any time but the first.
    LocalDriver(root).check()
    return Calls(root, monkeypatch)


@pytest.fixture
def _any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a file system that promises no more than POSIX."""
    monkeypatch.setattr(durability, "keeps_order", lambda _device: False)


@pytest.fixture
def _in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a file system that logs all changes, whatever the tests run on."""
    monkeypatch.setattr(durability, "keeps_order", lambda _device: True)


@pytest.mark.usefixtures("_any_order")
def test_put_syncs_file_then_name_then_new_directories(root: Path, calls: Calls) -> None:
    LocalDriver(root).put_content("a/b/c", b"x")
    assert calls.done == [
        ("fsync", ".tmp/*"),
        ("mkdir", "a"),
        ("mkdir", "a/b"),
        ("rename", "a/b/c"),
        ("fsync", "a/b"),
        ("fsync", "a"),
        ("fsync", "."),
    ]


@pytest.mark.usefixtures("_in_order")
def test_where_changes_are_logged_the_last_one_brings_those_before(
    root: Path, calls: Calls
) -> None:
    LocalDriver(root).put_content("a/b/c", b"x")
    assert calls.done[-2:] == [("rename", "a/b/c"), ("fsync", "a/b")]


def test_put_into_a_directory_that_is_there_syncs_it_alone(root: Path, calls: Calls) -> None:
    driver = LocalDriver(root)
    driver.put_content("a/b/c", b"x")
    calls.done.clear()
    driver.put_content("a/b/c", b"y")
    assert calls.done == [("fsync", ".tmp/*"), ("rename", "a/b/c"), ("fsync", "a/b")]


@pytest.mark.usefixtures("_any_order")
def test_the_root_itself_is_synced_into_its_parents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(tmp_path, monkeypatch)
    LocalDriver(tmp_path / "new/store").put_content("a", b"x")
    syncs = [path for call, path in calls.done if call == "fsync"]
    assert {".", "new", "new/store"} <= set(syncs)


def test_append_and_commit_sync(root: Path, calls: Calls) -> None:
    driver = LocalDriver(root)
    state = driver.append(driver.start_upload("up"), [b"x"])
    part = f"up/{state['parts'][0]['name']}"
    assert calls.done == [("mkdir", "up"), ("fsync", part)]
    calls.done.clear()
    driver.commit(state, "blob")
    assert calls.done == [("rename", "blob"), ("fsync", ".")]
    state = driver.append(driver.append(state, [b"y"]), [b"z"])
    calls.done.clear()
    driver.commit({**state, "parts": state["parts"][1:]}, "blob")
    assert calls.done == [("fsync", ".tmp/*"), ("rename", "blob"), ("fsync", ".")]


@pytest.mark.usefixtures("_in_order")
def test_what_is_done_in_order_is_synced_at_its_end(root: Path, calls: Calls) -> None:
    driver = LocalDriver(root)
    with driver.in_order():
        driver.put_content("a/b", b"x")
        with driver.in_order():
            driver.put_content("c/d", b"x")
        driver.delete("a/b")
        driver.put_content("e/f", b"x")
        assert [path for call, path in calls.done if call == "fsync"] == [".tmp/*"] * 3
    assert calls.done[-2:] == [("rename", "e/f"), ("fsync", "e")]
    calls.done.clear()
    driver.put_content("e/g", b"x")
    assert calls.done == [("fsync", ".tmp/*"), ("rename", "e/g"), ("fsync", "e")]


@pytest.mark.usefixtures("_in_order")
def test_a_block_that_fails_syncs_nothing_more(root: Path, calls: Calls) -> None:
    driver = LocalDriver(root)
    with pytest.raises(ArithmeticError), driver.in_order():
        driver.put_content("a/b", b"x")
        raise ArithmeticError
    calls.done.clear()
    with driver.in_order():
        pass
    assert calls.done == []


@pytest.mark.usefixtures("_any_order")
def test_without_an_order_each_is_synced_at_once(root: Path, calls: Calls) -> None:
    driver = LocalDriver(root)
    with driver.in_order():
        driver.put_content("a", b"x")
        assert calls.done == [("fsync", ".tmp/*"), ("rename", "a"), ("fsync", ".")]
    assert calls.done == [("fsync", ".tmp/*"), ("rename", "a"), ("fsync", ".")]


@pytest.mark.usefixtures("_in_order")
def test_each_disk_has_an_order_of_its_own(root: Path, calls: Calls) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        (Path(other) / "x").touch()
        (root / "elsewhere").symlink_to(other)
        driver = LocalDriver(root)
        with driver.in_order():
            driver.put_content("a", b"x")
            driver.delete("elsewhere/x")
            driver.put_content("b", b"x")
        syncs = [path for call, path in calls.done if call == "fsync"]
        assert syncs == [".tmp/*", ".", ".tmp/*", os.path.relpath(other, root), "."]


def test_copy_syncs_file_then_name(root: Path, calls: Calls) -> None:
    driver = LocalDriver(root)
    driver.put_content("a/source", b"data")
    driver.put_content("b/old", b"old")
    calls.done.clear()
    driver.copy("up", "a/source", "b/target")
    done = [(call, path) for call, path in calls.done if call in ("fsync", "rename")]
    assert done == [("fsync", ".tmp/*"), ("rename", "b/target"), ("fsync", "b")]


def test_delete_syncs_before_it_prunes(root: Path, calls: Calls) -> None:
    driver = LocalDriver(root)
    driver.put_content("a/b/c", b"x")
    driver.put_content("d/e/f", b"x")
    calls.done.clear()
    driver.delete("a/b/c")
    assert calls.done == [("unlink", "a/b/c"), ("fsync", "a/b")]
    assert not (root / "a").exists()
    calls.done.clear()
    driver.delete("d/e")
    assert calls.done[:2] == [("rename", ".tmp/*"), ("fsync", "d")]
    assert not (root / "d").exists()
    assert leftovers(root) == []


def test_what_is_discarded_is_gone_but_not_for_ever(root: Path, calls: Calls) -> None:
    driver = LocalDriver(root)
    driver.put_content("a/b/c", b"x")
    calls.done.clear()
    driver.discard("a/b")
    assert "fsync" not in [call for call, _ in calls.done]
    assert not (root / "a").exists()
    driver.discard("a/b")


def test_no_fsync_when_turned_off_or_transient(root: Path, calls: Calls) -> None:
    LocalDriver(root).put_transient("a/b/c", b"x")
    driver = LocalDriver(root, fsync=False)
    driver.put_content("a/d", b"x")
    state = driver.append(driver.append(driver.start_upload("up"), [b"x"]), [b"y"])
    driver.commit(state, "e")
    driver.delete("a")
    assert "fsync" not in [call for call, _ in calls.done]


def test_the_directory_may_vanish_before_it_is_synced(
    root: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = LocalDriver(root)
    driver.put_content("a/b/c", b"x")
    calls.done.clear()
    unlink = os.unlink

    def unlink_and_prune(path: str) -> None:
        unlink(path)
        (root / "a/b").rmdir()

    monkeypatch.setattr(os, "unlink", unlink_and_prune)
    driver.delete("a/b/c")
    assert calls.done == [("unlink", "a/b/c"), ("fsync", "a")]


# What a crash leaves


def test_old_temporary_files_are_swept_at_the_start(root: Path) -> None:
    driver = LocalDriver(root)
    driver.put_content("a", b"x")
    tmp = root / ".tmp"
    (tmp / "fresh").write_bytes(b"x")
    (tmp / "stale").write_bytes(b"x")
    (tmp / "stale-tree/below").mkdir(parents=True)
    (tmp / "stale-tree/below/file").write_bytes(b"x")
    yesterday = time.time() - files.SWEEP_AGE - 60
    for name in ("stale", "stale-tree"):
        os.utime(tmp / name, (yesterday, yesterday))
    LocalDriver(root)
    assert leftovers(root) == ["fresh"]
    assert driver.list("") == ["a"]


def test_an_append_whose_upload_is_removed_fails_cleanly(root: Path) -> None:
    driver = LocalDriver(root)

    def slow() -> Iterator[bytes]:
        yield b"x"
        yield b"y"
        driver.delete("up")
        yield b"z"

    with pytest.raises(PathNotFound):
        driver.append(driver.start_upload("up"), slow())
    assert driver.list("") == []


def test_an_append_that_fails_leaves_nothing(root: Path) -> None:
    driver = LocalDriver(root)
    driver.put_content("up/session", b"{}")

    def broken() -> Iterator[bytes]:
        yield b"x"
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        driver.append(driver.start_upload("up"), broken())
    assert [entry.name for entry in (root / "up").iterdir()] == ["session"]


def test_empty_directories_and_hidden_files_are_nothing(root: Path) -> None:
    driver = LocalDriver(root)
    (root / "a/b/c").mkdir(parents=True)
    (root / "d/e").mkdir(parents=True)
    (root / "d/.nfs0001").write_bytes(b"")
    (root / "f/g").mkdir(parents=True)
    (root / "f/g/object").write_bytes(b"x")
    assert driver.list("") == ["f"]
    assert driver.list("", limit=1) == ["f"]
    for path in ("a", "d"):
        with pytest.raises(PathNotFound):
            driver.delete(path)
    driver.put_content("a/b/c/object", b"x")
    assert driver.list("") == ["a", "f"]
    driver.delete("a/b/c/object")
    assert not (root / "a").exists()


def test_a_part_that_a_crash_cut_ends_the_upload(root: Path) -> None:
    driver = LocalDriver(root, fsync=False)
    for parts in ([b"whole"], [b"whole", b" and more"]):
        state = driver.start_upload("up")
        for part in parts:
            state = driver.append(state, [part])
        (root / "up" / state["parts"][0]["name"]).write_bytes(b"")
        with pytest.raises(PathNotFound):
            driver.commit(state, "target")
        with pytest.raises(PathNotFound):
            list(driver.upload_content(state))
    assert not (root / "target").exists()
    assert leftovers(root) == []


# Errors


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOENT, PathNotFound),
        (errno.ENOTDIR, PathNotFound),
        (errno.EISDIR, PathNotFound),
        (errno.ENOSPC, QuotaExceeded),
        (errno.EDQUOT, QuotaExceeded),
        (errno.EACCES, AccessDenied),
        (errno.EPERM, AccessDenied),
        (errno.EROFS, AccessDenied),
        (errno.EIO, Unavailable),
        (errno.ESTALE, Unavailable),
        (errno.EMFILE, Unavailable),
    ],
)
def test_what_errors_mean(number: int, expected: type[StorageError]) -> None:
    with (
        pytest.raises(expected, match=f"the/path: {os.strerror(number)}") as caught,
        file_errors.storage_errors("the/path"),
    ):
        raise OSError(number, os.strerror(number))
    assert type(caught.value) is expected
    assert isinstance(caught.value.__cause__, OSError)


def test_names_that_no_file_system_takes(root: Path) -> None:
    driver = LocalDriver(root)
    with pytest.raises(PathNotFound):
        driver.stat("x" * 256)
    with pytest.raises(StorageError):
        driver.put_content("x" * 256, b"")
    assert leftovers(root) == []


def test_an_object_below_an_object(root: Path) -> None:
    driver = LocalDriver(root)
    driver.put_content("a", b"x")
    with pytest.raises(StorageError):
        driver.put_content("a/b", b"y")
    assert driver.get_content("a") == b"x"
    assert leftovers(root) == []


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Be somebody whom file permissions bind."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """Give a directory that anybody may enter; pytest's own are for their owner alone."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_permissions(open_place: Path, request: pytest.FixtureRequest) -> None:
    root = open_place / "store"
    driver = LocalDriver(root)
    driver.put_content("d/a", b"x")
    (root / "d/a").chmod(0)
    for directory in (root / "d", root, root / ".tmp"):
        directory.chmod(0o555)
    request.getfixturevalue("unprivileged")
    for attempt in (
        lambda: driver.get_content("d/a"),
        lambda: driver.reader("d/a"),
        lambda: driver.put_content("d/b", b"x"),
        lambda: driver.delete("d/a"),
        lambda: driver.append(driver.start_upload("up"), [b"x"]),
        driver.check,
    ):
        with pytest.raises(AccessDenied):
            attempt()
    assert driver.list("d") == ["a"]


def test_check_of_a_root_that_can_not_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    driver = LocalDriver(tmp_path / "file/store")
    with pytest.raises(PathNotFound):
        driver.check()


def test_copying_goes_on_where_the_kernel_can_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = LocalDriver(root, fsync=False)
    data = os.urandom(2 * CHUNK_BYTES + 5)
    real = os.copy_file_range

    def half(source: int, target: int, size: int) -> int:
        """Copy once, then behave as on a file system without the call."""
        monkeypatch.setattr(os, "copy_file_range", refuse)
        return real(source, target, size // 2)

    def refuse(source: int, target: int, size: int) -> int:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    for broken in (half, refuse, lambda *_: 0):
        monkeypatch.setattr(os, "copy_file_range", broken)
        state = driver.append(driver.append(driver.start_upload("up"), [data]), [b"end"])
        driver.commit(state, "target")
        assert driver.get_content("target") == data + b"end"

    def fail(source: int, target: int, size: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "copy_file_range", fail)
    with pytest.raises(Unavailable):
        driver.commit(state, "other")
    assert driver.list("") == ["target", "up"]


def test_a_put_gives_up_when_its_directory_never_stays(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = LocalDriver(root)
    driver.put_content("a", b"x")
    monkeypatch.setattr(files, "_make_directories", lambda directory: set())
    with pytest.raises(Unavailable, match="removed by others"):
        driver.put_content("d/b", b"x")
    assert leftovers(root) == []


# Creating


@pytest.mark.parametrize("links", [True, False])
def test_create_makes_directories_and_leaves_nothing_beside(
    root: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:

        def no_links(source: str, target: str) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(os, "link", no_links)
    driver = LocalDriver(root)
    assert driver.create("a/b/c", b"first") is True
    assert driver.create("a/b/c", b"second") is False
    assert driver.get_content("a/b/c") == b"first"
    assert (root / "a/b/c").stat().st_nlink == 1
    assert not leftovers(root)


def test_of_many_that_create_at_once_one_does(root: Path) -> None:
    drivers = [LocalDriver(root) for _ in range(4)]
    with ThreadPoolExecutor(len(drivers)) as pool:
        for number in range(50):
            path = f"d/{number}"
            started = threading.Barrier(len(drivers))

            def create(one: int, path: str = path, started: threading.Barrier = started) -> bool:
                started.wait()
                return drivers[one].create(path, str(one).encode())

            told = list(pool.map(create, range(len(drivers))))
            assert told.count(True) == 1
            assert drivers[0].get_content(path) == str(told.index(True)).encode()


def test_a_disk_that_fails_is_not_taken_for_an_object(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(QuotaExceeded):
        LocalDriver(root).create("a/b", b"x")
