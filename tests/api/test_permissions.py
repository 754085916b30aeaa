"""``read_only`` and ``delete_enabled``: on every route, whichever there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docker_registry.api.permissions import NOT_PUSHED_YET, READING, UNCHANGING
from docker_registry.app import create_app
from tests.api.conftest import AppFactory, Pushes, error_codes, sha256
from tests.api.roll import GUARDED

EXAMPLES = {
    "repository": "team/app",
    "reference": "latest",
    "digest": sha256(b"x"),
    "upload": "6b8f6e8e-6b7c-4b0e-9d5c-0d6f0f8f3b1a",
    "image": "a" * 64,
    "tag": "latest",
}
#: Method, path and endpoint of every route.
ROUTES = [
    (
        method,
        re.sub(r"<(?:\w+:)?(\w+)>", lambda match: EXAMPLES.get(match[1], "x"), rule.rule),
        rule.endpoint,
    )
    for rule in create_app(GUARDED).url_map.iter_rules()
    for method in sorted(rule.methods or ())
]
WRITES = [route for route in ROUTES if route[0] not in READING]
DELETES = [route for route in WRITES if route[0] == "DELETE"]


def test_there_are_routes_of_each_kind() -> None:
    endpoints = {endpoint for _, _, endpoint in DELETES}
    kept = {"v2.delete_blob", "v2.delete_manifest", "v2.delete_repository"}
    assert kept | NOT_PUSHED_YET <= endpoints
    assert {"POST", "PUT", "PATCH", "DELETE"} == {method for method, _, _ in WRITES}


@pytest.mark.parametrize(("method", "path", "endpoint"), WRITES)
def test_read_only_refuses_every_change(
    make_app: AppFactory, method: str, path: str, endpoint: str
) -> None:
    response = make_app(read_only=True).test_client().open(path, method=method)
    if endpoint in UNCHANGING:
        assert response.status_code != 405
        return
    assert response.status_code == 405
    assert error_codes(response) == ["UNSUPPORTED"]
    assert not {"POST", "PUT", "PATCH", "DELETE"} & set(response.headers["Allow"].split(", "))


@pytest.mark.parametrize(("method", "path", "endpoint"), DELETES)
def test_every_route_that_deletes_can_be_switched_off(
    make_app: AppFactory, method: str, path: str, endpoint: str
) -> None:
    response = make_app(delete_enabled=False).test_client().open(path, method=method)
    if endpoint in NOT_PUSHED_YET:
        assert response.status_code == 404
    else:
        assert response.status_code == 405
        assert error_codes(response) == ["UNSUPPORTED"]
        assert "DELETE" not in response.headers["Allow"]


def test_nothing_is_deleted_where_that_is_off(make_app: AppFactory) -> None:
    with make_app(delete_enabled=False).test_client() as client:
        repo = Pushes(client)
        digest = repo.image(b"layer", tag="v1")
        for path in ("manifests/v1", f"manifests/{digest}", f"blobs/{sha256(b'layer')}", ""):
            assert client.delete(repo.url(path)).status_code == 405
            assert client.delete(repo.url(path), query_string="n=1").status_code == 405
        assert client.get(repo.url("manifests/v1")).status_code == 200
        assert client.get(repo.url(f"blobs/{sha256(b'layer')}")).status_code == 200
        upload = client.post(repo.url("blobs/uploads/")).headers["Location"]
        assert client.delete(upload).status_code == 204


def test_everything_can_be_read_where_nothing_can_be_changed(
    tmp_path: Path, make_app: AppFactory
) -> None:
    store = {"storage": "local", "storage_path": str(tmp_path)}
    with make_app(**store).test_client() as client:
        repo = Pushes(client)
        repo.image(b"layer", tag="v1")
    with make_app(**store, read_only=True).test_client() as client:
        for path in ("manifests/v1", f"blobs/{sha256(b'layer')}", "tags/list"):
            with client.get(repo.url(path)) as response:
                assert response.status_code == 200
            assert client.head(repo.url(path)).status_code == 200
        assert client.get("/v2/").status_code == 200
        assert client.options(repo.url("manifests/v1")).status_code == 200


def test_bad_names_and_unknown_routes_are_answered_as_ever(make_app: AppFactory) -> None:
    open_to_all = make_app().test_client()
    restricted = make_app(read_only=True, delete_enabled=False).test_client()
    for method, path in (("DELETE", "/v2/UP/manifests/x"), ("PUT", "/v2/x"), ("PUT", "/v3/")):
        expected = open_to_all.open(path, method=method)
        answer = restricted.open(path, method=method)
        assert answer.status_code == expected.status_code
        assert error_codes(answer) == error_codes(expected)
