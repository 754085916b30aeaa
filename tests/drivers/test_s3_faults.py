"""The S3 driver when its store, or the way there, fails: a real gateway behind a bad proxy."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from docker_registry.drivers.base import Driver
from docker_registry.drivers.s3 import S3Driver
from docker_registry.drivers.s3.client import MIB
from docker_registry.errors import (
    AccessDenied,
    PathNotFound,
    QuotaExceeded,
    StorageError,
    Unavailable,
)
from tests.drivers.s3_service import ceph, ceph_prefix
from tests.proxy import FaultyProxy, Request

SMALL = b"0123456789"
LARGE = hashlib.shake_128(b"large").digest(20 * MIB)
CHUNKS = [LARGE[start : start + MIB] for start in range(0, len(LARGE), MIB)]

CALLS: dict[str, Callable[[Driver], Any]] = {
    "get_content": lambda driver: driver.get_content("small"),
    "put_content": lambda driver: driver.put_content("new", b"x"),
    "reader": lambda driver: driver.reader("small"),
    "stat": lambda driver: driver.stat("small"),
    "list": lambda driver: driver.list(""),
    "touch": lambda driver: driver.touch("small"),
    "copy": lambda driver: driver.copy("up", "small", "new"),
    "delete": lambda driver: driver.delete("small"),
    "append": lambda driver: driver.append(driver.start_upload("up"), [b"x"]),
    "append in parts": lambda driver: driver.append(driver.start_upload("up"), CHUNKS),
    "write": lambda driver: driver.write("up", CHUNKS, "new"),
    "sweep": lambda driver: driver.sweep(0),
    "check": lambda driver: driver.check(),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@pytest.fixture
def proxy() -> Iterator[FaultyProxy]:
    settings = ceph()
    assert settings.boto_host and settings.boto_port
    with FaultyProxy(settings.boto_host, settings.boto_port) as proxy:
        yield proxy


@pytest.fixture
def good() -> Iterator[S3Driver]:
    """Give a driver that knows the way around the proxy."""
    with ceph_prefix() as settings:
        driver = S3Driver.from_settings(settings)
        driver.put_content("small", SMALL)
        yield driver


@pytest.fixture
def driver(proxy: FaultyProxy, good: S3Driver) -> S3Driver:
    return through(proxy, good)


def through(proxy: FaultyProxy, good: S3Driver, **changes: Any) -> S3Driver:
    prefix = good._connection.store.prefix
    patient = {"storage_attempts": 2, "storage_read_timeout": 3, **changes}
    return S3Driver.from_settings(ceph(storage_path=prefix, boto_port=proxy.port, **patient))


def open_uploads(driver: S3Driver) -> int:
    client, store = driver._connection.client, driver._connection.store
    found = client.list_multipart_uploads(Bucket=store.bucket, Prefix=store.prefix)
    return len(found.get("Uploads", []))


def completes(request: Request) -> bool:
    return request.method == "POST" and "uploadId=" in request.path


def puts_part(request: Request) -> bool:
    return "2" in parse_qs(urlsplit(request.path).query).get("partNumber", [])


@every_call
def test_refused_connections(
    driver: S3Driver, proxy: FaultyProxy, call: Callable[[Driver], Any]
) -> None:
    proxy.refuse()
    with pytest.raises(Unavailable):
        call(driver)
    proxy.pass_through()
    call(driver)


@pytest.mark.parametrize("name", ["stat", "write", "list"])
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", AccessDenied),
        (403, "InvalidAccessKeyId", AccessDenied),
        (403, "QuotaExceeded", QuotaExceeded),
        (404, "NoSuchBucket", Unavailable),
        (400, "Surprise", Unavailable),
    ],
)
def test_refusals(
    driver: S3Driver,
    proxy: FaultyProxy,
    name: str,
    status: int,
    code: str,
    kind: type[StorageError],
) -> None:
    proxy.respond(status, f"<Error><Code>{code}</Code></Error>".encode())
    with pytest.raises(kind) as raised:
        CALLS[name](driver)
    assert type(raised.value) is kind
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("call", [CALLS["stat"], CALLS["put_content"], CALLS["append in parts"]])
@pytest.mark.parametrize(
    "body", [b"", b"<html>no store</html>", b"<Error><Code>SlowDown</Code></Error>"]
)
def test_a_busy_store_is_asked_again(
    driver: S3Driver, proxy: FaultyProxy, call: Callable[[Driver], Any], body: bytes
) -> None:
    proxy.respond(503, body, times=1)
    call(driver)
    proxy.respond(503, body)
    with pytest.raises(Unavailable):
        call(driver)


@pytest.mark.parametrize("body", [b"nonsense", b"<html>", b"<ListBucketResult>"])
def test_an_answer_that_is_none(driver: S3Driver, proxy: FaultyProxy, body: bytes) -> None:
    proxy.respond(200, body)
    with pytest.raises(StorageError):
        driver.list("")


def test_a_silent_store_costs_what_the_settings_say(good: S3Driver, proxy: FaultyProxy) -> None:
    hasty = through(proxy, good, storage_read_timeout=0.5, storage_attempts=2)
    proxy.hang()
    for call in (CALLS["stat"], CALLS["put_content"], CALLS["write"]):
        began = time.monotonic()
        with pytest.raises(Unavailable):
            call(hasty)
        assert time.monotonic() - began < 6


def test_a_new_driver_works_after_a_silence(good: S3Driver, proxy: FaultyProxy) -> None:
    hasty = through(proxy, good, storage_read_timeout=0.5, storage_attempts=1)
    proxy.hang()
    with pytest.raises(Unavailable):
        hasty.stat("small")
    proxy.pass_through()
    assert hasty.get_content("small") == SMALL


# Reading


@pytest.mark.parametrize("how", ["reset_after", "end_after"])
def test_a_broken_answer_is_taken_up_where_it_was(
    driver: S3Driver, good: S3Driver, proxy: FaultyProxy, how: str
) -> None:
    good.write("up", CHUNKS, "large")
    getattr(proxy, how)(7 * MIB, times=1)
    assert driver.get_content("large") == LARGE
    ranges = [request.headers.get("range") for request in proxy.requests]
    assert ranges[0] is None
    assert int(ranges[1].removeprefix("bytes=").partition("-")[0]) >= 6 * MIB
    getattr(proxy, how)(5 * MIB)
    with driver.reader("large", 3 * MIB, 9 * MIB) as reader:
        assert b"".join(reader) == LARGE[3 * MIB : 12 * MIB]


def test_an_answer_that_never_comes_is_given_up(
    driver: S3Driver, good: S3Driver, proxy: FaultyProxy
) -> None:
    good.write("up", CHUNKS, "large")
    with driver.reader("large") as reader:
        chunks = iter(reader)
        assert next(chunks) == CHUNKS[0]
        proxy.refuse()
        with pytest.raises(Unavailable):
            assert len(b"".join(chunks)) < 0


def test_a_stalled_answer_is_taken_up(good: S3Driver, proxy: FaultyProxy) -> None:
    good.write("up", CHUNKS, "large")
    hasty = through(proxy, good, storage_read_timeout=0.5)
    proxy.stall_after(5 * MIB, times=1)
    assert hasty.get_content("large") == LARGE


@pytest.mark.parametrize("change", ["replace", "delete"])
def test_another_object_is_not_taken_up(
    driver: S3Driver, good: S3Driver, proxy: FaultyProxy, change: str
) -> None:
    good.write("up", CHUNKS, "large")
    proxy.reset_after(5 * MIB, times=1)
    with driver.reader("large") as reader:
        if change == "replace":
            good.write("up", [LARGE[::-1]], "large")
        else:
            good.delete("large")
        with pytest.raises(StorageError):
            assert len(b"".join(reader)) < 0


# Writing


@pytest.mark.parametrize("how", ["reset_after", "end_after"])
def test_a_part_that_broke_off_is_sent_again(
    driver: S3Driver, good: S3Driver, proxy: FaultyProxy, how: str
) -> None:
    getattr(proxy, how)(3 * MIB, when=puts_part, times=1)
    driver.write("up", CHUNKS, "large")
    assert len(list(filter(puts_part, proxy.requests))) == 2
    assert good.get_content("large") == LARGE
    assert open_uploads(good) == 0


@pytest.mark.parametrize("kind", ["reset", "quota"])
def test_a_part_that_fails_leaves_nothing(
    driver: S3Driver, good: S3Driver, proxy: FaultyProxy, kind: str
) -> None:
    good.put_content("large", b"old")
    if kind == "reset":
        proxy.reset_after(3 * MIB, when=puts_part)
    else:
        proxy.respond(403, b"<Error><Code>QuotaExceeded</Code></Error>", when=puts_part)
    state = driver.start_upload("up")
    for write in (
        lambda: driver.write("up", CHUNKS, "large"),
        lambda: driver.append(state, CHUNKS),
    ):
        with pytest.raises(QuotaExceeded if kind == "quota" else Unavailable):
            write()
    assert good.get_content("large") == b"old"
    assert good.list("up") == []
    assert open_uploads(good) == 0


def test_a_source_that_fails_leaves_nothing(good: S3Driver) -> None:
    class Gone(OSError):
        pass

    def broken() -> Iterator[bytes]:
        yield from CHUNKS
        raise Gone

    for write in (
        lambda: good.write("up", broken(), "new"),
        lambda: good.append(good.start_upload("up"), broken()),
    ):
        with pytest.raises(Gone):
            write()
    assert good.list("") == ["small"]
    assert open_uploads(good) == 0


def test_a_lost_answer_to_the_completion(
    driver: S3Driver, good: S3Driver, proxy: FaultyProxy
) -> None:
    proxy.lose_answer(when=completes, times=1)
    driver.write("up", CHUNKS, "large")
    assert good.get_content("large") == LARGE
    # Never an answer: the object itself tells that it is there.
    proxy.lose_answer(when=completes)
    driver.write("up", CHUNKS[:12], "other")
    assert good.get_content("other") == LARGE[: 12 * MIB]
    assert open_uploads(good) == 0


def test_a_completion_that_never_arrived(
    driver: S3Driver, good: S3Driver, proxy: FaultyProxy
) -> None:
    good.write("up", CHUNKS[:12], "large")
    proxy.respond(500, b"<Error><Code>InternalError</Code></Error>", when=completes)
    with pytest.raises(Unavailable):
        driver.write("up", CHUNKS, "large")
    assert good.get_content("large") == LARGE[: 12 * MIB]
    # The store might be at it still: the parts are left to the sweep.
    assert open_uploads(good) == 1
    assert good.sweep(before=time.time() - 3600) == 0
    assert good.sweep(before=time.time() + 60) == 1
    assert open_uploads(good) == 0


def test_a_completion_that_is_refused_leaves_nothing(
    driver: S3Driver, good: S3Driver, proxy: FaultyProxy
) -> None:
    proxy.respond(400, b"<Error><Code>InvalidPart</Code></Error>", when=completes)
    with pytest.raises(Unavailable):
        driver.write("up", CHUNKS, "large")
    assert open_uploads(good) == 0


def test_a_commit_whose_answer_is_lost(
    driver: S3Driver, good: S3Driver, proxy: FaultyProxy
) -> None:
    def copies(request: Request) -> bool:
        return "x-amz-copy-source" in request.headers

    for chunks in (CHUNKS[:1], CHUNKS):
        state = driver.append(driver.start_upload("up"), chunks)
        proxy.lose_answer(when=copies, times=1)
        driver.commit(state, "target")
        assert good.get_content("target") == b"".join(chunks)
    with pytest.raises(PathNotFound):
        good.stat("nothing")


def test_an_entry_of_a_bulk_delete_that_fails(
    driver: S3Driver, good: S3Driver, proxy: FaultyProxy
) -> None:
    good.put_content("d/a", b"x")
    good.put_content("d/b", b"x")
    key = f"{driver._connection.store.prefix}d/a".encode()
    entry = b"<Error><Key>" + key + b"</Key><Code>InternalError</Code></Error>"
    proxy.respond(
        200,
        b"<DeleteResult>" + entry + b"</DeleteResult>",
        when=lambda request: request.method == "POST",
    )
    # It is deleted alone: here with success, and then refused.
    driver.delete("d")
    with pytest.raises(PathNotFound):
        good.stat("d/a")
    good.put_content("d/a", b"x")
    good.delete("d/b")
    refused = b"<Error><Code>AccessDenied</Code></Error>"
    proxy.respond(403, refused, when=lambda request: request.method == "DELETE")
    with pytest.raises(AccessDenied, match="d/a"):
        driver.delete("d")
