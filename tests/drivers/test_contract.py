"""What every driver does: the contract of ``docker_registry.drivers.base``."""

from __future__ import annotations

import hashlib
import json
import time
import tracemalloc
import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docker_registry.drivers.base import CHUNK_BYTES, Driver, UploadState
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import PathNotFound, StorageError

#: How far the backend's clock may be from ours, in seconds, rounding included.
CLOCK = 1.0

on_one_store = settings(
    deadline=None,
    max_examples=40,
    # Each example works below a directory of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def content(driver: Driver, path: str, offset: int = 0, length: int | None = None) -> bytes:
    with driver.reader(path, offset, length) as reader:
        return b"".join(reader)


def upload(driver: Driver, *parts: bytes, directory: str = "up/1") -> UploadState:
    state = driver.start_upload(directory)
    for part in parts:
        state = driver.append(state, [part])
    return state


# Whole objects


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)), b"y" * (CHUNK_BYTES + 1)])
def test_content_comes_back(driver: Driver, data: bytes) -> None:
    driver.put_content("a/b", data)
    assert driver.get_content("a/b") == data
    assert content(driver, "a/b") == data
    assert driver.stat("a/b").size == len(data)


def test_transient_content_comes_back_and_is_replaced(driver: Driver) -> None:
    driver.put_transient("a/b", b"one")
    driver.put_transient("a/b", b"two")
    assert driver.get_content("a/b") == b"two"
    driver.put_content("a/b", b"three")
    assert driver.get_content("a/b") == b"three"


def test_private_content_comes_back_and_is_replaced(driver: Driver) -> None:
    driver.put_private("a/b", b"one")
    driver.put_private("a/b", b"two")
    assert driver.get_content("a/b") == b"two"
    assert driver.list("a") == ["b"]


def test_put_replaces_longer_by_shorter(driver: Driver) -> None:
    driver.put_content("a", b"a long text")
    driver.put_content("a", b"short")
    assert driver.get_content("a") == b"short"
    assert driver.stat("a").size == 5
    assert driver.list("") == ["a"]


def test_create_leaves_alone_what_is_there(driver: Driver) -> None:
    assert driver.create("a/b", b"first") is True
    assert driver.create("a/b", b"second") is False
    assert driver.get_content("a/b") == b"first"
    driver.delete("a/b")
    assert driver.create("a/b", b"third") is True


def test_what_is_not_there(driver: Driver) -> None:
    driver.put_content("a/b", b"x")
    for path in ("c", "a/c", "c/d/e", "a"):
        with pytest.raises(PathNotFound):
            driver.get_content(path)
        with pytest.raises(PathNotFound):
            driver.stat(path)
        with pytest.raises(PathNotFound):
            driver.reader(path)
    for path in ("c", "a/c", "c/d/e"):
        with pytest.raises(PathNotFound):
            driver.touch(path)
        with pytest.raises(PathNotFound):
            driver.delete(path)
    assert driver.get_content("a/b") == b"x"


def test_another_instance_sees_the_store(open_driver) -> None:
    open_driver().put_content("a/b", b"x")
    assert open_driver().get_content("a/b") == b"x"


def test_check_passes_and_leaves_nothing(driver: Driver) -> None:
    driver.check()
    assert driver.list("") == []


def test_no_address_or_a_real_one(driver: Driver) -> None:
    driver.put_content("a", b"x")
    url = driver.redirect_url("a", "GET", 60)
    assert url is None or url.startswith(("http://", "https://"))


# Readers


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (3, None, b"3456789"),
        (3, 4, b"3456"),
        (9, 1, b"9"),
        (9, 100, b"9"),
        (0, 0, b""),
        (10, None, b""),
        (10, 5, b""),
        (11, None, b""),
        (1000, 5, b""),
    ],
)
def test_ranges(driver: Driver, offset: int, length: int | None, expected: bytes) -> None:
    driver.put_content("a", b"0123456789")
    with driver.reader("a", offset, length) as reader:
        assert (reader.size, reader.length) == (10, len(expected))
        assert b"".join(reader) == expected


@given(
    size=st.integers(0, 3 * CHUNK_BYTES),
    offset=st.integers(0, 4 * CHUNK_BYTES),
    length=st.none() | st.integers(0, 4 * CHUNK_BYTES),
)
@settings(on_one_store, max_examples=25)
def test_any_range_is_that_slice(
    driver: Driver, size: int, offset: int, length: int | None
) -> None:
    data = hashlib.shake_128(str(size).encode()).digest(size)
    driver.put_content("ranges", data)
    with driver.reader("ranges", offset, length) as reader:
        chunks = list(reader)
        assert reader.size == size
        assert reader.length == sum(map(len, chunks))
    assert all(0 < len(chunk) <= CHUNK_BYTES for chunk in chunks)
    assert b"".join(chunks) == data[offset : None if length is None else offset + length]


def test_a_real_file_stands_at_the_offset(driver: Driver) -> None:
    driver.put_content("a", b"0123456789")
    with driver.reader("a", 4, 3) as reader:
        if reader.file is not None:
            assert reader.file.tell() == 4
            assert reader.file.read(reader.length) == b"456"
            assert reader.file.fileno() >= 0
        else:
            assert b"".join(reader) == b"456"


def test_a_reader_may_be_closed_early_and_twice(driver: Driver) -> None:
    driver.put_content("a", b"x" * (2 * CHUNK_BYTES))
    reader = driver.reader("a")
    assert next(iter(reader))
    reader.close()
    reader.close()
    driver.reader("a").close()


@pytest.mark.parametrize("change", ["replace", "delete"])
def test_a_reader_never_mixes_old_and_new(driver: Driver, change: str) -> None:
    driver.put_content("a", b"o" * (3 * CHUNK_BYTES))
    with driver.reader("a") as reader:
        chunks = iter(reader)
        got = next(chunks)
        if change == "replace":
            driver.put_content("a", b"n" * (3 * CHUNK_BYTES))
        else:
            driver.delete("a")
        try:
            got += b"".join(chunks)
        except StorageError:
            return
    assert got == b"o" * (3 * CHUNK_BYTES)


# Times


def test_modified_is_now_and_touch_renews_it(driver: Driver) -> None:
    before = time.time()
    driver.put_content("a", b"x")
    first = driver.stat("a").modified
    assert before - CLOCK <= first <= time.time() + CLOCK
    time.sleep(1.2)
    driver.touch("a")
    assert driver.stat("a").modified >= first + 1
    assert driver.get_content("a") == b"x"


def test_an_object_is_as_old_as_its_commit(driver: Driver) -> None:
    one = upload(driver, b"x", directory="up/1")
    several = upload(driver, b"x", b"y", directory="up/2")
    time.sleep(1.2 + CLOCK)
    committed = time.time()
    driver.commit(one, "one")
    driver.commit(several, "several")
    assert driver.stat("one").modified >= committed - CLOCK
    assert driver.stat("several").modified >= committed - CLOCK


# Lists


def test_names_are_in_byte_order(driver: Driver) -> None:
    for path in ("a0", "a/b", "a.b", "a-b/c", "A", "_", "0", "ab", "B/x"):
        driver.put_content(f"d/{path}", b"")
    assert driver.list("d") == ["0", "A", "B", "_", "a", "a-b", "a.b", "a0", "ab"]
    assert driver.list("d/a") == ["b"]
    assert driver.list("d/a-b") == ["c"]


def test_a_list_takes_no_sibling_with_the_same_beginning(driver: Driver) -> None:
    for path in ("a/x", "a-b/y", "a.b", "a0/z", "b/a/w"):
        driver.put_content(path, b"")
    assert driver.list("a") == ["x"]
    assert driver.list("") == ["a", "a-b", "a.b", "a0", "b"]


@pytest.mark.parametrize(
    ("after", "limit", "expected"),
    [
        ("", 2, ["a", "b"]),
        ("a", 2, ["b", "c"]),
        ("aa", 2, ["b", "c"]),
        ("c", 2, ["d"]),
        ("d", 2, []),
        ("zzz", 2, []),
        ("A", 1, ["a"]),
        ("", 4, ["a", "b", "c", "d"]),
        ("", 5, ["a", "b", "c", "d"]),
    ],
)
def test_pages(driver: Driver, after: str, limit: int, expected: list[str]) -> None:
    for path in ("a", "b/1", "b/2", "b/3/4", "c/1", "d"):
        driver.put_content(f"dir/{path}", b"")
    assert driver.list("dir", after, limit) == expected


def test_after_a_directory_the_next_name_comes(driver: Driver) -> None:
    for path in ("a/1", "a/2", "a-b/1", "a.b/1", "a0/1"):
        driver.put_content(f"d/{path}", b"")
    assert driver.list("d", "a", 10) == ["a-b", "a.b", "a0"]
    assert driver.list("d", "a-b", 1) == ["a.b"]
    assert list(driver.iterate("d", page=1)) == ["a", "a-b", "a.b", "a0"]
    assert list(driver.iterate("d", after="a.", page=1)) == ["a.b", "a0"]


def test_what_has_one_fingerprint_has_one_content(driver: Driver) -> None:
    contents = {"1": b"one", "a-b": b"two", "a/2": b"one", "a/b/3": b"three", "ab": b"two"}
    for path, data in contents.items():
        driver.put_content(f"d/{path}", data)
    driver.put_content("d-e", b"one")
    found = driver.fingerprints("d")
    if found is None:
        assert driver.name not in {"s3", "swift", "memory"}
        return
    fingerprints = dict(found)
    assert list(fingerprints) == sorted(contents)
    for one, fingerprint in fingerprints.items():
        for other, theirs in fingerprints.items():
            assert (fingerprint == theirs) == (contents[one] == contents[other])
    assert dict(driver.fingerprints("nowhere") or ()) == {}


def test_a_list_of_nothing(driver: Driver) -> None:
    driver.put_content("a/object", b"x")
    assert driver.list("b") == []
    assert driver.list("b/c/d") == []
    assert driver.list("a/object") == []


NAMES = st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,6}", fullmatch=True)


@given(
    children=st.dictionaries(NAMES, st.booleans(), max_size=12),
    after=st.just("") | NAMES,
    page=st.integers(1, 5),
)
@on_one_store
def test_pages_join_to_the_sorted_names(
    driver: Driver, children: dict[str, bool], after: str, page: int
) -> None:
    directory = f"pages/{uuid.uuid4().hex}"
    for name, is_directory in children.items():
        driver.put_transient(f"{directory}/{name}{'/below' if is_directory else ''}", b"")
    names = sorted(children, key=str.encode)
    assert driver.list(directory) == names
    following = [name for name in names if name.encode() > after.encode()]
    assert driver.list(directory, after, page) == following[:page]
    assert list(driver.iterate(directory, after, page)) == following


# Copies


#: More than what any backend takes for small.
LARGE = hashlib.shake_128(b"copy").digest(20 * CHUNK_BYTES)


@pytest.mark.parametrize("data", [b"", b"x", LARGE], ids=["empty", "small", "large"])
def test_a_copy_lives_by_itself(driver: Driver, data: bytes) -> None:
    driver.write("up/1", [data], "a/source")
    driver.copy("up/2", "a/source", "b/target")
    assert content(driver, "b/target") == data
    assert driver.stat("b/target").size == len(data)
    assert driver.list("") == ["a", "b"]
    driver.delete("a/source")
    assert content(driver, "b/target") == data
    driver.copy("up/2", "b/target", "a/source")
    driver.write("up/1", [b"other"], "b/target")
    driver.sweep(time.time() - 60)
    assert content(driver, "a/source") == data
    assert driver.get_content("b/target") == b"other"


@pytest.mark.parametrize("old", [b"old and longer", LARGE], ids=["small", "large"])
def test_a_copy_replaces_what_was_there(driver: Driver, old: bytes) -> None:
    driver.write("up/1", [old], "target")
    driver.put_content("source", b"new")
    for _ in range(2):
        driver.copy("up/1", "source", "target")
        assert driver.get_content("target") == b"new"
        assert driver.get_content("source") == b"new"


@pytest.mark.parametrize("data", [b"x", LARGE], ids=["small", "large"])
def test_a_copy_onto_itself_loses_nothing(driver: Driver, data: bytes) -> None:
    driver.write("up/1", [data], "a")
    driver.copy("up/1", "a", "a")
    assert content(driver, "a") == data
    assert driver.list("") == ["a"]


def test_a_copy_of_what_is_not_there(driver: Driver) -> None:
    driver.put_content("a/b", b"x")
    driver.put_content("target", b"old")
    for source in ("a", "a/c", "c"):
        with pytest.raises(PathNotFound):
            driver.copy("up/1", source, "target")
    assert driver.get_content("target") == b"old"
    assert driver.list("") == ["a", "target"]


def test_a_copy_is_as_old_as_the_copying(driver: Driver) -> None:
    driver.put_content("a", b"x")
    time.sleep(1.2 + CLOCK)
    copied = time.time()
    driver.copy("up/1", "a", "b")
    assert driver.stat("b").modified >= copied - CLOCK


# Deletes


def test_a_directory_is_there_as_long_as_an_object_is_below(driver: Driver) -> None:
    deep = "/".join(f"level{depth}" for depth in range(12))
    driver.put_content(f"{deep}/one", b"1")
    driver.put_content(f"{deep}/two", b"2")
    driver.delete(f"{deep}/one")
    assert driver.list(deep) == ["two"]
    driver.delete(f"{deep}/two")
    assert driver.list("") == []
    with pytest.raises(PathNotFound):
        driver.delete("level0")
    driver.put_content("level0", b"now an object")
    assert driver.get_content("level0") == b"now an object"


def test_delete_takes_the_tree_and_nothing_beside_it(driver: Driver) -> None:
    for path in ("a/1", "a/b/2", "a/b/c/3", "a-b/4", "a0", "b/a/5"):
        driver.put_content(path, b"x")
    driver.delete("a")
    for path in ("a/1", "a/b/2", "a/b/c/3"):
        with pytest.raises(PathNotFound):
            driver.stat(path)
    assert driver.list("") == ["a-b", "a0", "b"]
    assert driver.list("b/a") == ["5"]
    with pytest.raises(PathNotFound):
        driver.delete("a")
    driver.put_content("a/b/2", b"again")
    assert driver.list("a") == ["b"]


def test_discard_takes_the_tree_if_there_is_one(driver: Driver) -> None:
    for path in ("a/1", "a/b/2", "a-b/3"):
        driver.put_content(path, b"x")
    for _ in range(2):
        driver.discard("a")
        driver.discard("a-b/3")
    assert driver.list("") == []


# Uploads


@pytest.mark.parametrize("parts", [[], [b"one"], [b"one", b"two"], [b"1", b"", b"3", b"4"]])
def test_an_upload_becomes_an_object(driver: Driver, parts: list[bytes]) -> None:
    state = upload(driver, *parts)
    assert b"".join(driver.upload_content(state)) == b"".join(parts)
    with pytest.raises(PathNotFound):
        driver.stat("x/target")
    driver.commit(state, "x/target")
    assert driver.get_content("x/target") == b"".join(parts)
    assert driver.stat("x/target").size == sum(map(len, parts))
    assert driver.list("x") == ["target"]


def test_an_upload_keeps_to_its_directory(driver: Driver) -> None:
    driver.put_content("up/1/session", b"{}")
    state = upload(driver, b"one", b"two")
    assert driver.list("") == ["up"]
    assert driver.list("up") == ["1"]
    assert "session" in driver.list("up/1")
    driver.commit(state, "target")
    assert driver.get_content("up/1/session") == b"{}"
    driver.delete("up/1")
    assert driver.list("") == ["target"]
    assert driver.get_content("target") == b"onetwo"


def test_any_process_goes_on_with_an_upload(open_driver) -> None:
    state = open_driver().start_upload("up/1")
    for part in (b"one", b"two", b"three"):
        state = json.loads(json.dumps(open_driver().append(state, [part])))
    assert b"".join(open_driver().upload_content(state)) == b"onetwothree"
    open_driver().commit(json.loads(json.dumps(state)), "target")
    assert open_driver().get_content("target") == b"onetwothree"


def test_two_appends_to_one_state_do_not_mix(driver: Driver) -> None:
    state = upload(driver, b"begin ")
    left = driver.append(state, [b"left"])
    right = driver.append(state, [b"right"])
    assert b"".join(driver.upload_content(state)) == b"begin "
    assert b"".join(driver.upload_content(left)) == b"begin left"
    assert b"".join(driver.upload_content(right)) == b"begin right"
    driver.commit(right, "target")
    assert driver.get_content("target") == b"begin right"


def test_an_append_cut_off_adds_nothing(driver: Driver) -> None:
    class Gone(OSError):
        """A client that went away; no error of the storage, though it is an OSError."""

    def broken() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise Gone

    state = upload(driver, b"whole")
    below = driver.list("up/1")
    with pytest.raises(Gone):
        driver.append(state, broken())
    assert driver.list("up/1") == below
    state = driver.append(state, [b", and more"])
    driver.commit(state, "target")
    assert driver.get_content("target") == b"whole, and more"


def test_an_append_of_nothing(driver: Driver) -> None:
    state = upload(driver, b"x")
    below = driver.list("up/1")
    for chunks in ([], [b""], [b"", b""]):
        state = driver.append(state, chunks)
    assert driver.list("up/1") == below
    driver.commit(state, "target")
    assert driver.get_content("target") == b"x"


def test_contents_of_children(driver: Driver) -> None:
    expected = []
    for number in range(25):
        name = f"v{number:02}"
        data = b"x" * (20_000 if number == 7 else number)
        driver.put_content(f"tags/{name}/current/link", data)
        driver.put_content(f"tags/{name}/index/link", b"other")
        expected.append((name, data))
    driver.put_content("tags/a/index/link", b"has no current one")
    driver.put_content("tags/b", b"is an object")
    assert list(driver.contents("tags", "current/link")) == expected
    assert next(driver.contents("tags", "index/link")) == ("a", b"has no current one")
    assert list(driver.contents("none", "current/link")) == []


def test_what_is_done_in_order_is_there_at_once(driver: Driver) -> None:
    with driver.in_order():
        driver.put_content("a/b", b"x")
        assert driver.get_content("a/b") == b"x"
        driver.commit(upload(driver, b"some", b"more"), "c")
        driver.delete("a/b")
        assert driver.get_content("c") == b"somemore"
    with pytest.raises(ArithmeticError), driver.in_order():
        driver.put_content("d", b"x")
        raise ArithmeticError
    assert "a" not in driver.list("")
    assert {"c", "d"} <= set(driver.list(""))


@pytest.mark.parametrize("parts", [[], [b"new"], [b"ne", b"w"]])
def test_commit_replaces_an_object(driver: Driver, parts: list[bytes]) -> None:
    driver.put_content("target", b"old and longer")
    driver.commit(upload(driver, *parts), "target")
    assert driver.get_content("target") == b"".join(parts)


@pytest.mark.parametrize("parts", [[b"whole"], [b"who", b"le"]])
def test_a_second_commit_spoils_nothing(driver: Driver, parts: list[bytes]) -> None:
    state = upload(driver, *parts)
    driver.commit(state, "target")
    with suppress(PathNotFound):
        driver.commit(state, "target")
    assert driver.get_content("target") == b"whole"


def test_two_uploads_to_one_object(driver: Driver) -> None:
    one = upload(driver, b"same", directory="up/1")
    two = upload(driver, b"sa", b"me", directory="up/2")
    driver.commit(one, "target")
    driver.commit(two, "target")
    assert driver.get_content("target") == b"same"


@pytest.mark.parametrize("parts", [[], [b"one"], [b"one", b"two"]])
def test_abort_twice_and_after_the_end(driver: Driver, parts: list[bytes]) -> None:
    state = upload(driver, *parts)
    driver.abort(state)
    driver.abort(state)
    assert driver.list("up") == []
    state = upload(driver, *parts, directory="up/2")
    driver.commit(state, "target")
    driver.abort(state)
    assert driver.get_content("target") == b"".join(parts)
    assert driver.list("") == ["target"]


@pytest.mark.parametrize("parts", [[b"one"], [b"one", b"two"]])
def test_an_aborted_upload_is_not_found(driver: Driver, parts: list[bytes]) -> None:
    state = upload(driver, *parts)
    driver.abort(state)
    with pytest.raises(PathNotFound):
        driver.commit(state, "target")
    with pytest.raises(PathNotFound):
        driver.stat("target")


def test_64_mib_pass_in_little_memory(driver: Driver) -> None:
    if isinstance(driver, MemoryDriver):
        pytest.skip("memory is where this driver stores")
    block = hashlib.shake_128(b"block").digest(CHUNK_BYTES)
    digest = hashlib.sha256()
    for _ in range(64):
        digest.update(block)
    driver.check()  # What an SDK loads once is not counted.
    tracemalloc.start()
    try:
        state = driver.append(driver.start_upload("up/1"), (block for _ in range(32)))
        state = driver.append(state, (block for _ in range(32)))
        driver.commit(state, "target")
        found = hashlib.sha256()
        with driver.reader("target") as reader:
            for chunk in reader:
                found.update(chunk)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.digest() == digest.digest()
    assert peak < 8 * CHUNK_BYTES
