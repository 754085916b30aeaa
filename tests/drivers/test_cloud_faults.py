"""The drivers for Azure and Google when the store, or the way there, fails.

Azurite and the stub of Google Cloud Storage stand behind a bad proxy.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from docker_registry.drivers.azureblob import AzureDriver
from docker_registry.drivers.base import Driver
from docker_registry.drivers.gcs import GcsDriver
from docker_registry.errors import AccessDenied, QuotaExceeded, StorageError, Unavailable
from tests.drivers.azurite import azure_container
from tests.gcs.settings import strict_bucket
from tests.proxy import FaultyProxy

# Google's library drops some answers that ended with their connection unread.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:unclosed <socket.socket \[closed\]:ResourceWarning"
)

MIB = 1024 * 1024
LARGE = hashlib.shake_128(b"large").digest(12 * MIB + 12345)
CHUNKS = [LARGE[start : start + MIB] for start in range(0, len(LARGE), MIB)]

CALLS: dict[str, Callable[[Driver], Any]] = {
    "get_content": lambda driver: driver.get_content("small"),
    "put_content": lambda driver: driver.put_content("new", b"x"),
    "reader": lambda driver: driver.reader("small"),
    "stat": lambda driver: driver.stat("small"),
    "list": lambda driver: driver.list(""),
    "touch": lambda driver: driver.touch("small"),
    "delete": lambda driver: driver.delete("small"),
    "append": lambda driver: driver.append(driver.start_upload("up"), [b"x"]),
    "write": lambda driver: driver.write("up", CHUNKS, "new"),
    "copy": lambda driver: driver.copy("up", "small", "new"),
    "check": lambda driver: driver.check(),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())

LIMITS = {"storage_connect_timeout": 1, "storage_read_timeout": 1, "storage_attempts": 2}


@contextmanager
def azure() -> Iterator[tuple[Driver, Driver, FaultyProxy]]:
    with azure_container() as settings:
        url = urlsplit(settings.azure_storage_endpoint or "")
        with FaultyProxy(url.hostname or "", url.port or 0) as proxy:
            endpoint = f"http://127.0.0.1:{proxy.port}{url.path}"
            through = settings.model_copy(update={"azure_storage_endpoint": endpoint, **LIMITS})
            yield AzureDriver.from_settings(settings), AzureDriver.from_settings(through), proxy


@contextmanager
def google() -> Iterator[tuple[Driver, Driver, FaultyProxy]]:
    with strict_bucket() as (settings, stub):
        url = urlsplit(stub.url)
        with FaultyProxy(url.hostname or "", url.port or 0) as proxy:
            endpoint = f"http://127.0.0.1:{proxy.port}"
            through = settings.model_copy(update={"gs_emulator": endpoint, **LIMITS})
            yield GcsDriver.from_settings(settings), GcsDriver.from_settings(through), proxy


@pytest.fixture(params=[azure, google])
def store(request: pytest.FixtureRequest) -> Iterator[tuple[Driver, Driver, FaultyProxy]]:
    """Give a driver that knows the way around the proxy, one that doesn't, and the proxy."""
    with request.param() as (good, bad, proxy):
        good.put_content("small", b"0123456789")
        yield good, bad, proxy


@every_call
def test_refused_connections(store, call: Callable[[Driver], Any]) -> None:
    good, bad, proxy = store
    proxy.refuse()
    with pytest.raises(Unavailable) as caught:
        call(bad)
    assert "\n" not in str(caught.value)
    assert good.list("") == ["small"]
    proxy.pass_through()
    call(bad)


@every_call
def test_silence_ends_in_time(store, call: Callable[[Driver], Any]) -> None:
    _, bad, proxy = store
    proxy.hang()
    begin = time.monotonic()
    with pytest.raises(Unavailable):
        call(bad)
    assert time.monotonic() - begin < 10


@every_call
@pytest.mark.parametrize(
    ("status", "error"), [(500, Unavailable), (503, Unavailable), (507, QuotaExceeded)]
)
def test_failing_answers(
    store, call: Callable[[Driver], Any], status: int, error: type[StorageError]
) -> None:
    good, bad, proxy = store
    proxy.respond(status, b"<html>it is\nbroken</html>")
    with pytest.raises(error) as caught:
        call(bad)
    assert "\n" not in str(caught.value)
    assert good.list("") == ["small"]


@every_call
def test_refused_credentials(store, call: Callable[[Driver], Any]) -> None:
    _, bad, proxy = store
    proxy.respond(403)
    with pytest.raises(AccessDenied):
        call(bad)


@every_call
def test_one_failing_answer_is_overcome(store, call: Callable[[Driver], Any]) -> None:
    _, bad, proxy = store
    proxy.respond(503, times=1)
    call(bad)


def test_a_404_of_somebody_else_is_no_missing_object(store) -> None:
    _, bad, proxy = store
    proxy.respond(404, b"<html>no such site</html>")
    for call in (bad.stat, bad.get_content, bad.touch, bad.delete, bad.list):
        with pytest.raises(Unavailable):
            call("small")


def test_nonsense_is_no_answer(store) -> None:
    _, bad, proxy = store
    proxy.respond(200, b"<html>welcome</html>", {"Content-Type": "text/html"})
    for call in (bad.stat, bad.list):
        with pytest.raises(Unavailable):
            call("small")


def test_a_download_that_breaks_goes_on(store) -> None:
    good, bad, proxy = store
    good.write("up", CHUNKS, "large")
    proxy.reset_after(8 * MIB)
    with bad.reader("large", 1000) as reader:
        got = b"".join(reader)
    assert got == LARGE[1000:]


def test_a_download_does_not_go_on_with_other_bytes(store) -> None:
    good, bad, proxy = store
    good.write("up", CHUNKS, "large")
    # At a set place: the buffers on the way may hold the whole object.
    proxy.reset_after(8 * MIB)
    with bad.reader("large") as reader:
        chunks = iter(reader)
        next(chunks)
        good.write("up", reversed(CHUNKS), "large")
        with pytest.raises(StorageError):
            list(chunks)


def test_an_upload_that_breaks_leaves_nothing(store) -> None:
    good, bad, proxy = store
    uploads = iter(range(1000))
    proxy.respond(503, when=lambda one: one.method == "PUT" and next(uploads) > 1)
    with pytest.raises(Unavailable):
        bad.write("up", CHUNKS, "large")
    assert good.list("") == ["small"]
    proxy.pass_through()
    bad.write("up", CHUNKS, "large")
    assert good.get_content("large") == LARGE


def test_an_upload_goes_on_after_a_lost_answer(store) -> None:
    good, bad, proxy = store
    uploads = iter(range(1000))
    proxy.lose_answer(lambda one: one.method == "PUT" and next(uploads) == 2, times=1)
    bad.write("up", CHUNKS, "large")
    assert good.get_content("large") == LARGE


def test_an_upload_whose_requests_break_half_way_is_whole_or_not_there(store) -> None:
    good, bad, proxy = store
    proxy.reset_after(MIB)
    try:
        bad.write("up", CHUNKS, "large")
    except Unavailable:
        assert good.list("") == ["small"]
    else:
        # Google's service keeps what came of a request, and tells from where to go on.
        assert good.get_content("large") == LARGE
