"""No request has the registry hold more than its limit, whatever it sends."""

from __future__ import annotations

import io
import json

import pytest

from docker_registry.api.permissions import READING
from tests.api.conftest import AppFactory
from tests.api.test_permissions import ROUTES

MIB = 1024 * 1024
SENT = 64 * MIB
#: What a view may read of a body that is too long: the greatest limit, and a piece.
MOST = 24 * MIB
#: Routes whose bodies go to the storage as they come.
STREAMED = {"v2.start_upload", "v2.append_to_upload", "v2.finish_upload", "v1.put_layer"}


class Endless(io.RawIOBase):
    """A body that counts how much of it was read."""

    def __init__(self, start: bytes) -> None:
        self._start = start
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), SENT - self.taken)
        piece = (self._start[self.taken :] + b" " * size)[:size]
        buffer[:size] = piece
        self.taken += size
        return size


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [route for route in ROUTES if route[0] not in READING and route[2] not in STREAMED],
)
def test_a_body_that_is_too_long_is_not_read(
    make_app: AppFactory, method: str, path: str, endpoint: str, announced: bool
) -> None:
    body = Endless(json.dumps({"schemaVersion": 2}).encode())
    # Without a length, a server gives what comes in chunks up to its end.
    length = {"CONTENT_LENGTH": str(SENT)} if announced else {"wsgi.input_terminated": True}
    answer = (
        make_app()
        .test_client()
        .open(
            path,
            method=method,
            content_type="application/vnd.oci.image.manifest.v1+json",
            environ_overrides={"wsgi.input": body, **length},
        )
    )
    assert answer.status_code < 500
    assert body.taken <= (0 if announced and answer.status_code == 413 else MOST)
    if endpoint == "v2.put_manifest":
        assert answer.status_code == 413


@pytest.mark.parametrize(
    "path", ["/v2/_catalog?n={}", "/v2/team/app/tags/list?n={}", "/v1/search?n={}&q=x"]
)
@pytest.mark.parametrize("number", [2**62, 10**30, "9" * 4000, -1, "1e9"])
def test_a_number_reserves_nothing(make_app: AppFactory, path: str, number: object) -> None:
    # CVE-2023-2253: memory for as many entries as asked for.
    assert make_app().test_client().get(path.format(number)).status_code in (200, 400, 404)
