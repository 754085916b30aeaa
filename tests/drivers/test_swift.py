"""What is special about Swift: requests, segments and their remains, quotas, tokens, faults."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from docker_registry.drivers.swift import SwiftDriver
from docker_registry.drivers.swift.segments import MIB
from docker_registry.errors import (
    AccessDenied,
    ConfigError,
    PathNotFound,
    QuotaExceeded,
    Unavailable,
)
from tests import images
from tests.drivers.swift_service import rgw_settings, swift_settings, swift_store
from tests.proxy import FaultyProxy, Request
from tests.tools import require_service

LARGE = images.noise("swift", 40 * MIB)


@pytest.fixture
def driver() -> Iterator[SwiftDriver]:
    with swift_store(swift_settings) as opened:
        yield opened()


@pytest.fixture
def proxy() -> Iterator[FaultyProxy]:
    url = urlsplit(require_service("openstack")["OS_SWIFT_URL"])
    assert url.hostname and url.port
    with FaultyProxy(url.hostname, url.port) as proxy:
        yield proxy


@pytest.fixture
def watched(proxy: FaultyProxy) -> Iterator[SwiftDriver]:
    """Give a driver that reaches Swift through the proxy."""
    account = urlsplit(require_service("openstack")["OS_SWIFT_ACCOUNT_URL"]).path
    url = f"http://127.0.0.1:{proxy.port}{account}"

    def settings():
        return swift_settings(
            swift_object_storage_url=url, storage_read_timeout=2, storage_attempts=2
        )

    with swift_store(settings) as opened:
        watched = opened()
        watched.put_content("warm", b"")
        watched._objects.confirm()
        proxy.forget()
        yield watched
        proxy.pass_through()


def names(driver: SwiftDriver) -> list[str]:
    """Give the names of all segments and owners of a store."""
    prefix = driver._segments.prefix
    pages = driver._segments.container.pages(prefix)
    return [entry["name"].removeprefix(prefix) for page in pages for entry in page]


def content(driver: SwiftDriver, path: str) -> bytes:
    with driver.reader(path) as reader:
        return b"".join(reader)


def chunks(data: bytes) -> Iterator[bytes]:
    return (data[start : start + MIB] for start in range(0, len(data), MIB))


# Requests


def test_each_call_is_one_request(watched: SwiftDriver, proxy: FaultyProxy) -> None:
    watched.put_content("a", b"0123456789")
    watched.get_content("a")
    watched.stat("a")
    watched.touch("a")
    with watched.reader("a", 3, 4) as reader:
        assert b"".join(reader) == b"3456"
    # A touch looks first what the object has, which the POST must not take away.
    assert [request.method for request in proxy.requests] == [
        *("PUT", "GET", "HEAD"),
        *("HEAD", "POST"),
        "GET",
    ]
    proxy.forget()
    with pytest.raises(PathNotFound):
        watched.stat("nothing")
    assert [request.method for request in proxy.requests] == ["HEAD"]


def test_copies_are_made_without_the_bytes_coming_here(
    watched: SwiftDriver, proxy: FaultyProxy
) -> None:
    watched.put_content("a", b"0123456789")
    watched._limits.segments  # noqa: B018
    proxy.forget()
    watched.copy("up/1", "a", "b")
    assert [request.method for request in proxy.requests] == ["HEAD", "COPY"]
    assert watched.get_content("b") == b"0123456789"
    watched.write("up/1", chunks(LARGE), "large")
    proxy.forget()
    watched.copy("up/1", "large", "b")
    # The manifest is read, the five segments are copied; then the note whose they are, and theirs.
    assert proxy.methods() == {"HEAD": 1, "GET": 1, "COPY": 5, "PUT": 2}
    assert content(watched, "b") == LARGE


@pytest.mark.parametrize("settings_of", [swift_settings, rgw_settings])
def test_the_copy_of_a_large_object_has_segments_of_its_own(settings_of) -> None:
    with swift_store(settings_of) as opened:
        driver = opened()
        driver.write("up/1", chunks(LARGE), "a")
        driver.copy("up/2", "a", "b")
        driver.delete("a")
        driver.sweep(time.time() + 60)
        assert content(driver, "b") == LARGE
        manifest = {"X-Object-Manifest": f"{driver._objects.name}/{driver._prefix}parts/"}
        driver.put_content("parts/1", b"dynamic")
        driver._objects.connection.put_object(
            driver._objects.name, driver._name("c"), b"", headers=manifest
        )
        driver.copy("up/2", "c", "d")
        driver.delete("parts")
        assert content(driver, "d") == b"dynamic"


def test_a_small_blob_is_one_request_and_a_large_one_its_segments(
    watched: SwiftDriver, proxy: FaultyProxy
) -> None:
    watched.write("up/1", [b"small"], "small")
    assert proxy.methods() == {"PUT": 1}
    proxy.forget()
    watched.write("up/2", chunks(LARGE), "large")
    # Five segments, the note whom they belong to, and the manifest.
    assert proxy.methods() == {"PUT": 7}
    proxy.forget()
    state = watched.append(watched.start_upload("up/3"), chunks(LARGE))
    assert proxy.methods() == {"PUT": 5}
    proxy.forget()
    watched.commit(state, "committed")
    # The note, a look whether somebody gave the upload up, and the manifest.
    assert [call.method for call in proxy.requests if call.path != "/info"] == [
        "PUT",
        "HEAD",
        "PUT",
    ]
    assert content(watched, "committed") == LARGE


# Segments


def test_an_object_that_is_deleted_leaves_no_segments(driver: SwiftDriver) -> None:
    driver.write("up/1", chunks(LARGE), "large")
    assert len(names(driver)) == 6
    assert driver.stat("large").size == len(LARGE)
    driver.delete("large")
    assert [name for name in names(driver) if "owner=" not in name] == []


@pytest.mark.parametrize("settings_of", [swift_settings, rgw_settings])
def test_a_blob_that_is_pushed_again_leaves_nothing_behind_the_sweep(settings_of) -> None:
    with swift_store(settings_of) as opened:
        driver = opened()
        driver.write("up/1", chunks(LARGE), "same")
        driver.write("up/2", chunks(LARGE), "same")
        assert driver.sweep(time.time() + 3600) == 1
        assert len(names(driver)) == 6
        assert content(driver, "same") == LARGE
        driver.touch("same")
        assert driver.sweep(time.time() + 3600) == 0
        driver.delete("same")
        assert driver.sweep(time.time() + 3600) == 1
        assert names(driver) == []


def test_an_upload_given_up_while_it_is_committed_breaks_no_object(driver: SwiftDriver) -> None:
    driver.write("up/1", chunks(LARGE), "shared")
    state = driver.append(driver.start_upload("up/2"), chunks(LARGE))
    container = driver._segments.container
    delete_all = container.delete_all

    def commit_first(doomed) -> None:
        container.delete_all = delete_all
        with pytest.raises(PathNotFound):
            driver.commit(state, "shared")
        delete_all(doomed)

    # The commit comes when the abort has looked, and has deleted nothing yet.
    container.delete_all = commit_first
    driver.abort(state)
    assert content(driver, "shared") == LARGE


def test_a_touch_leaves_dynamic_large_objects_what_they_are(driver: SwiftDriver) -> None:
    container = driver._objects
    for number in (1, 2):
        driver.put_content(f"segments/{number}", b"part")
    container.connection.put_object(
        container.name,
        f"{driver._prefix}old",
        b"",
        headers={"X-Object-Manifest": f"{container.name}/{driver._prefix}segments/"},
    )
    driver.touch("old")
    assert driver.get_content("old") == b"partpart"


def test_a_client_that_goes_away_leaves_no_segments(driver: SwiftDriver) -> None:
    class Gone(OSError):
        pass

    def broken() -> Iterator[bytes]:
        yield from chunks(LARGE)
        raise Gone

    for store in (
        lambda: driver.write("up/1", broken(), "large"),
        lambda: driver.append(driver.start_upload("up/1"), broken()),
    ):
        with pytest.raises(Gone):
            store()
        assert names(driver) == []
    with pytest.raises(PathNotFound):
        driver.stat("large")


def test_the_sweep_takes_what_nothing_uses(driver: SwiftDriver) -> None:
    driver.write("up/1", chunks(LARGE), "used")
    driver.write("up/2", chunks(LARGE), "replaced")
    driver.put_content("replaced", b"small now")
    left = driver.append(driver.start_upload("up/3"), [b"nobody goes on with this"])
    before = len(names(driver))
    assert driver.sweep(time.time() - 3600) == 0
    assert len(names(driver)) == before
    assert driver.sweep(time.time() + 3600) == 2
    assert len(names(driver)) == 6
    assert content(driver, "used") == LARGE
    assert driver.get_content("replaced") == b"small now"
    with pytest.raises(PathNotFound):
        driver.commit(left, "late")


def test_an_abort_after_the_commit_takes_nothing(driver: SwiftDriver) -> None:
    state = driver.append(driver.start_upload("up/1"), chunks(LARGE))
    driver.commit(state, "target")
    driver.abort(state)
    assert content(driver, "target") == LARGE


def test_many_small_appends_are_one_object(driver: SwiftDriver) -> None:
    state = driver.start_upload("up/1")
    for n in range(12):
        state = driver.append(state, [str(n).encode()])
    driver.commit(state, "target")
    assert driver.get_content("target") == b"01234567891011"


# Quotas, tokens, redirects


def test_a_full_container_is_a_quota() -> None:
    name = f"quota-{uuid.uuid4().hex}"
    with swift_store(lambda: swift_settings(swift_container=name)) as opened:
        driver = opened()
        connection = driver._objects.connection
        connection.post_container(name, {"X-Container-Meta-Quota-Bytes": "1000"})
        deadline = time.monotonic() + 30
        while True:  # The proxy server remembers a container for a few seconds.
            try:
                driver.put_content("a", b"x" * 2000)
            except QuotaExceeded:
                break
            assert time.monotonic() < deadline
            time.sleep(0.5)
        with pytest.raises(QuotaExceeded):
            driver.write("up/1", [b"x" * 2000], "b")
        driver.put_content("c", b"small")


def test_a_token_that_expires_is_replaced_in_the_middle(
    watched: SwiftDriver, proxy: FaultyProxy
) -> None:
    # Swift trusts a token for a while that Keystone knows no more, so it is the proxy that refuses.
    def expiring() -> Iterator[bytes]:
        for number, chunk in enumerate(chunks(LARGE)):
            if number == 20:
                proxy.respond(401, times=1)
            yield chunk

    watched.write("up/1", expiring(), "large")
    proxy.respond(401, times=1)
    assert content(watched, "large") == LARGE
    proxy.respond(401)
    with pytest.raises(AccessDenied, match="OS_USERNAME"):
        watched.get_content("large")


@pytest.mark.parametrize("settings_of", [swift_settings, rgw_settings])
def test_temporary_urls(settings_of) -> None:
    key = {swift_settings: "OS_SWIFT_TEMPURL_KEY", rgw_settings: "CEPH_SWIFT_TEMPURL_KEY"}
    service = "openstack" if settings_of is swift_settings else "ceph"
    with swift_store(settings_of) as opened:
        driver = opened()
        driver.write("up/1", chunks(LARGE), "a/large")
        url = driver.redirect_url("a/large", "GET", 60)
        assert url is not None
        assert requests.get(url, timeout=30).content == LARGE
        ranged = requests.get(url, headers={"Range": "bytes=5-9"}, timeout=30)
        assert ranged.content == LARGE[5:10]
        head = driver.redirect_url("a/large", "HEAD", 60)
        assert head is not None
        assert requests.head(head, timeout=30).headers["Content-Length"] == str(len(LARGE))
        forged = url.replace("temp_url_sig=", "temp_url_sig=0")
        assert requests.get(forged, timeout=30).status_code in (401, 403)
    # The key of a setting comes first.
    known = require_service(service)[key[settings_of]]
    with swift_store(lambda: settings_of(swift_temp_url_key=known)) as opened:
        driver = opened()
        driver.put_content("a", b"x")
        url = driver.redirect_url("a", "GET", 60)
        assert url is not None
        assert requests.get(url, timeout=30).content == b"x"


def test_a_key_of_the_container_is_enough_for_large_objects() -> None:
    name = f"key-{uuid.uuid4().hex}"
    settings = swift_settings(swift_container=name, swift_segments_container=name, storage_path="/")
    with swift_store(lambda: settings) as opened:
        driver = opened()
        driver._objects.connection.post_container(name, {"X-Container-Meta-Temp-Url-Key": "own"})
        driver.write("up/1", chunks(LARGE), "large")
        url = driver.redirect_url("large", "GET", 60)
        assert url is not None
        answer = requests.get(url, timeout=30)
        assert (answer.status_code, answer.content == LARGE) == (200, True)
        # Segments lie in the same container, and are no objects of the store.
        assert driver.list("") == ["large"]
        assert list(driver.iterate("", page=1)) == ["large"]


def test_a_key_of_the_container_opens_no_segments_elsewhere() -> None:
    name = f"key-{uuid.uuid4().hex}"
    with swift_store(lambda: swift_settings(swift_container=name, storage_path="/")) as opened:
        driver = opened()
        driver._objects.connection.post_container(name, {"X-Container-Meta-Temp-Url-Key": "own"})
        driver.write("up/1", chunks(LARGE), "large")
        url = driver.redirect_url("large", "GET", 60)
        # The account's signs.
        assert url is not None
        assert requests.get(url, timeout=30).content == LARGE


def test_a_public_address_takes_the_place_of_ours() -> None:
    settings = swift_settings(
        storage_public_url="https://swift.example.org", swift_temp_url_key="key"
    )
    url = SwiftDriver.from_settings(settings).redirect_url("a", "GET", 60)
    assert url is not None
    assert url.startswith("https://swift.example.org/v1/AUTH_")


# Faults


def test_refused_reset_silent_and_failing(watched: SwiftDriver, proxy: FaultyProxy) -> None:
    watched.put_content("a", b"x")
    for break_it in (
        proxy.refuse,
        proxy.hang,
        lambda: proxy.respond(503),
        lambda: proxy.respond(500),
        lambda: proxy.reset_after(10),
    ):
        break_it()
        for call in (
            lambda: watched.get_content("a"),
            lambda: watched.put_content("b", b"y"),
            lambda: watched.stat("nothing"),
            lambda: watched.list(""),
            lambda: watched.copy("up/1", "a", "b"),
        ):
            began = time.monotonic()
            with pytest.raises(Unavailable):
                call()
            assert time.monotonic() - began < 20
        proxy.pass_through()
    assert watched.get_content("a") == b"x"


def test_a_request_that_fails_once_is_repeated(watched: SwiftDriver, proxy: FaultyProxy) -> None:
    proxy.respond(503, times=1)
    watched.put_content("a", b"x")
    proxy.respond(503, times=1)
    assert watched.get_content("a") == b"x"


@pytest.mark.parametrize("settings_of", [swift_settings, rgw_settings])
def test_a_read_that_breaks_goes_on(settings_of) -> None:
    url = urlsplit(SwiftDriver.from_settings(settings_of())._objects.path())
    assert url.hostname and url.port
    with FaultyProxy(url.hostname, url.port) as proxy:
        account = f"http://127.0.0.1:{proxy.port}{url.path.rsplit('/', 2)[0]}"
        with swift_store(lambda: settings_of(swift_object_storage_url=account)) as opened:
            driver = opened()
            driver.write("up/1", chunks(LARGE), "large")
            proxy.reset_after(10 * MIB, when=lambda request: request.method == "GET", times=1)
            assert content(driver, "large") == LARGE
            proxy.reset_after(10 * MIB, when=lambda request: request.method == "GET", times=1)
            with driver.reader("large") as reader:
                coming = iter(reader)
                next(coming)
                driver.write("up/2", chunks(LARGE[::-1]), "large")
                with pytest.raises(Unavailable, match="replaced"):
                    list(coming)


def test_a_manifest_that_can_not_be_checked_is_no_lost_upload(
    watched: SwiftDriver, proxy: FaultyProxy
) -> None:
    state = watched.append(watched.start_upload("up/1"), chunks(LARGE))

    def is_manifest(request: Request) -> bool:
        return "multipart-manifest=put" in request.path

    proxy.respond(400, b"Errors:\nsegments/1, 503 Service Unavailable", when=is_manifest)
    with pytest.raises(Unavailable):
        watched.commit(state, "large")
    proxy.pass_through()
    watched.commit(state, "large")
    assert content(watched, "large") == LARGE


def test_limits_that_are_not_told_are_the_defaults(
    watched: SwiftDriver, proxy: FaultyProxy
) -> None:
    state = watched.append(watched.start_upload("up/1"), chunks(LARGE))
    proxy.respond(403, when=lambda request: request.path == "/info")
    watched.commit(state, "large")
    assert content(watched, "large") == LARGE


def test_nodes_may_check_at_the_same_time(driver: SwiftDriver) -> None:
    with ThreadPoolExecutor(8) as pool:
        for checked in [pool.submit(driver.check) for _ in range(24)]:
            checked.result()


def test_segments_of_a_write_that_fails_are_removed(
    watched: SwiftDriver, proxy: FaultyProxy
) -> None:
    def is_manifest(request: Request) -> bool:
        return "multipart-manifest=put" in request.path

    proxy.respond(503, when=is_manifest)
    with pytest.raises(Unavailable):
        watched.write("up/1", chunks(LARGE), "large")
    proxy.pass_through()
    with pytest.raises(PathNotFound):
        watched.stat("large")
    assert watched.sweep(time.time() + 3600) == 1
    assert names(watched) == []


def test_a_container_that_vanished_is_no_404(driver: SwiftDriver) -> None:
    store = driver._objects.store
    gone = type(driver._objects)(store, "vanished")
    driver._objects = gone
    for call in (
        lambda: driver.get_content("a"),
        lambda: driver.stat("a"),
        lambda: driver.list(""),
        lambda: driver.put_content("a", b"x"),
        lambda: driver.delete("a"),
    ):
        with pytest.raises(Unavailable, match="OS_CONTAINER"):
            call()


def test_wrong_settings_stop_the_start_with_the_mend() -> None:
    for changes, words in (
        ({"swift_password": "wrong"}, "OS_PASSWORD"),
        ({"swift_region_name": "Nowhere"}, "OS_REGION_NAME"),
        ({"swift_authurl": "http://127.0.0.1:9/v3"}, "127.0.0.1:9"),
    ):
        driver = SwiftDriver.from_settings(swift_settings(**changes))
        with pytest.raises((AccessDenied, Unavailable), match=words) as caught:
            driver.check()
        assert "\n" not in str(caught.value)
    for name in ("", "a/b", "x" * 300):
        with pytest.raises(ConfigError, match="OS_CONTAINER"):
            SwiftDriver.from_settings(swift_settings(swift_container=name))
