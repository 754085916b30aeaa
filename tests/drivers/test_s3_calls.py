"""What each call of the driver asks of the store: counted on the way to a real gateway."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from docker_registry.drivers.s3 import S3Driver
from docker_registry.drivers.s3.client import MIB
from docker_registry.errors import PathNotFound
from tests.drivers.s3_service import ceph, ceph_prefix
from tests.proxy import FaultyProxy

LARGE = 20 * MIB


@pytest.fixture
def proxy() -> Iterator[FaultyProxy]:
    settings = ceph()
    assert settings.boto_host and settings.boto_port
    with FaultyProxy(settings.boto_host, settings.boto_port) as proxy:
        yield proxy


@pytest.fixture
def driver(proxy: FaultyProxy) -> Iterator[S3Driver]:
    with ceph_prefix() as settings:
        yield S3Driver.from_settings(settings.model_copy(update={"boto_port": proxy.port}))


def asked(proxy: FaultyProxy) -> list[str]:
    """Give what was asked since the last time: method, and what the query says it is."""
    calls = []
    for request in proxy.requests:
        query = sorted(part.partition("=")[0] for part in urlsplit(request.path).query.split("&"))
        known = {"uploads", "uploadId", "partNumber", "list-type", "delete"}
        copied = ["copy"] if "x-amz-copy-source" in request.headers else []
        calls.append(
            " ".join([request.method, *(name for name in query if name in known), *copied])
        )
    proxy.forget()
    return calls


def test_small_objects(driver: S3Driver, proxy: FaultyProxy) -> None:
    driver.put_content("a", b"0123456789")
    assert asked(proxy) == ["PUT"]
    driver.get_content("a")
    assert asked(proxy) == ["GET"]
    driver.stat("a")
    assert asked(proxy) == ["GET"]
    for path in ("nothing", "nothing/here"):
        with pytest.raises(PathNotFound):
            driver.stat(path)
        assert asked(proxy) == ["GET"]
    driver.touch("a")
    assert asked(proxy) == ["GET", "PUT copy"]
    driver.delete("a")
    assert asked(proxy) == ["GET list-type", "DELETE"]
    with pytest.raises(PathNotFound):
        driver.delete("a")
    assert asked(proxy) == ["GET list-type"]


def test_copies_are_made_by_the_store(driver: S3Driver, proxy: FaultyProxy) -> None:
    driver.put_content("a", b"0123456789")
    driver.write("up", [bytes(LARGE)], "large")
    proxy.forget()
    driver.copy("up", "a", "b")
    assert asked(proxy) == ["GET", "PUT copy"]
    driver.copy("up", "large", "b")
    assert asked(proxy) == [
        *("GET", "POST uploads"),
        "PUT partNumber uploadId copy",
        "POST uploadId",
    ]


@pytest.mark.parametrize("reach", [(0, None), (3, None), (3, 4), (0, 1)])
def test_a_reader_asks_once(
    driver: S3Driver, proxy: FaultyProxy, reach: tuple[int, int | None]
) -> None:
    driver.put_content("a", b"0123456789")
    proxy.forget()
    with driver.reader("a", *reach) as reader:
        b"".join(reader)
    assert asked(proxy) == ["GET"]


@pytest.mark.parametrize("reach", [(10, None), (50, 4)])
def test_a_reader_beyond_the_end_asks_twice(
    driver: S3Driver, proxy: FaultyProxy, reach: tuple[int, int | None]
) -> None:
    # RGW answers 416 without the size.
    driver.put_content("a", b"0123456789")
    proxy.forget()
    assert driver.reader("a", *reach).size == 10
    assert asked(proxy) == ["GET", "HEAD"]


def test_one_connection_serves_many_calls(driver: S3Driver, proxy: FaultyProxy) -> None:
    driver.put_content("a", b"x" * MIB)
    proxy.refuse()
    proxy.pass_through()
    for _ in range(3):
        driver.get_content("a")
        driver.stat("a")
        with driver.reader("a", 5, 10) as reader:
            list(reader)
    assert len({request.headers["host"] for request in proxy.requests}) == 1
    assert proxy.connections == 2


def test_directories(driver: S3Driver, proxy: FaultyProxy) -> None:
    for name in "abc":
        driver.put_content(f"d/{name}/link", b"x")
    proxy.forget()
    assert driver.list("d") == ["a", "b", "c"]
    assert asked(proxy) == ["GET list-type"]
    driver.delete("d/a")
    assert asked(proxy) == ["GET list-type", "DELETE"]
    driver.delete("d")
    assert asked(proxy) == ["GET list-type", "POST delete"]


def test_a_small_upload(driver: S3Driver, proxy: FaultyProxy) -> None:
    state = driver.start_upload("up")
    assert asked(proxy) == []
    state = driver.append(state, [b"x" * MIB])
    assert asked(proxy) == ["PUT"]
    driver.commit(state, "target")
    assert asked(proxy) == ["PUT copy"]
    driver.abort(state)
    assert asked(proxy) == ["DELETE"]
    driver.write("up", [b"x" * MIB], "target")
    assert asked(proxy) == ["PUT"]


def test_a_large_upload(driver: S3Driver, proxy: FaultyProxy) -> None:
    parts = ["PUT partNumber uploadId"] * 3
    state = driver.append(driver.start_upload("up"), [b"x" * MIB] * 20)
    calls = asked(proxy)
    assert calls == ["POST uploads", *parts, "POST uploadId"]
    driver.commit(state, "target")
    assert asked(proxy) == ["POST uploads", "PUT partNumber uploadId copy", "POST uploadId"]
    driver.write("up", [b"x" * MIB] * 20, "target")
    assert asked(proxy) == ["POST uploads", *parts, "POST uploadId"]
    assert not [one for one in proxy.requests if "expect" in one.headers]


def test_a_copy_by_one_request_where_that_is_allowed(proxy: FaultyProxy) -> None:
    with ceph_prefix() as settings:
        changes = {"boto_port": proxy.port, "s3_copy_limit": LARGE}
        driver = S3Driver.from_settings(settings.model_copy(update=changes))
        state = driver.append(driver.start_upload("up"), [b"x" * MIB] * 20)
        proxy.forget()
        driver.commit(state, "target")
        assert asked(proxy) == ["PUT copy"]
        driver.touch("target")
        assert asked(proxy) == ["GET", "PUT copy"]
        assert driver.get_content("target") == b"x" * LARGE


def test_several_appends_pass_only_what_is_small(driver: S3Driver, proxy: FaultyProxy) -> None:
    chunks = [b"a" * (6 * MIB), b"b" * 10, b"c" * (7 * MIB)]
    state = driver.start_upload("up")
    for chunk in chunks:
        state = driver.append(state, [chunk])
    proxy.forget()
    driver.commit(state, "target")
    sent = sum(int(one.headers.get("content-length", 0)) for one in proxy.requests)
    # The last piece fills up the part that the small one begins; 2 MiB and 10 bytes are left.
    assert 5 * MIB <= sent < 5 * MIB + 10_000
    assert driver.get_content("target") == b"".join(chunks)


def test_signing_an_address_asks_nothing(driver: S3Driver, proxy: FaultyProxy) -> None:
    assert driver.redirect_url("a", "GET", 60)
    assert asked(proxy) == []
