"""Every route, asked anything: an answer below 500, and errors in the registry's form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docker_registry.legacy import layout as legacy_layout
from docker_registry.legacy.errors import LegacyError
from docker_registry.registry import layout
from docker_registry.registry.names import Digest
from tests.api.conftest import OCI_INDEX, OCI_MANIFEST, Pushes, sha256, sha512
from tests.api.v1.pushes import V1Pushes, image_id, payload_checksum
from tests.unit.legacy.tars import member, tar

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
BLOB = b"known"
TAR = tar(member("./etc/hosts"))
WHOLE, BEGUN, CHILD = map(image_id, ("whole", "begun", "child"))
HOSTILE = [
    "", ".", "..", "../../etc/passwd", "%2e%2e", "a/../b", "/", "//", "\0", "a\0b", "\n", "\ud7ff",
    "UPPER", "_layers", "-", "a" * 300, "sha256:", "sha256:bad",
    "md5:" + "a" * 32, "sha256:" + "A" * 64, "sha512:" + "a" * 64, "latest", "null", "-1", "0",
    "1e9", str(2**63), "9" * 5000, "é", "🐳", "%ff", "a b", "*", "'", '"', ";",
]  # fmt: skip
PARAMETERS = [
    "digest", "mount", "from", "digest-algorithm", "n", "last", "tag", "artifactType", "q", "page",
]  # fmt: skip
HEADERS = {
    "Content-Type": [OCI_MANIFEST, OCI_INDEX, "text/plain", "a/b; charset=\xff", ""],
    "Content-Range": ["0-4", "5-4", "bytes 0-4/5", "x", "9" * 40 + "-1", "-"],
    "Range": ["bytes=0-1", "bytes=5-0", "bytes=-0", "bytes=" + "1-2," * 500, "x=1", "bytes=9999-"],
    "If-None-Match": ["*", '"x"', sha256(BLOB), f'W/"{sha256(BLOB)}"', '"'],
    "If-Range": ['"x"', "Tue, 24 Nov 2026 00:00:00 GMT", ""],
    "Accept": ["*/*", OCI_MANIFEST, ";;;", "a/b;q=x"],
    "Host": ["127.0.0.1:5000", "evil.example", "a b", ""],
    "Transfer-Encoding": ["chunked", "gzip"],
    "X-Docker-Checksum-Payload": [payload_checksum(V1Pushes.document(BEGUN), BLOB), "", "sha256:x"],
    "X-Docker-Checksum": ["tarsum+sha256:" + "a" * 64, "\xff"],
    "User-Agent": ["docker/1.5.0 go/x kernel/\xff", "a/b" * 9000],
    "If-Modified-Since": ["Thu, 01 Jan 1970 00:00:00 GMT", "x"],
}


def texts(known: list[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from([*known, *HOSTILE]), st.sampled_from(HOSTILE), st.text())


def documents() -> st.SearchStrategy[bytes]:
    """Give manifests and images that are right but for a few places, other JSON, other bytes."""
    descriptor = {"mediaType": OCI_MANIFEST, "digest": sha256(BLOB), "size": len(BLOB)}
    right: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor,
        "layers": [descriptor],
        "subject": descriptor,
        "annotations": {"a": "b"},
    }
    anything = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
        max_leaves=8,
    )
    parts = st.dictionaries(
        st.sampled_from([*right, "manifests", "artifactType", "x"]),
        anything | st.just([descriptor]) | st.just(descriptor),
        max_size=3,
    )
    ids = st.sampled_from([WHOLE, BEGUN, CHILD, "../x", "", 1, None, [WHOLE]])
    image = st.fixed_dictionaries(
        {"id": ids}, optional={"parent": ids, "checksum": anything, "Tag": anything}
    )
    known_images = [V1Pushes.document(WHOLE), V1Pushes.document(BEGUN)]
    return st.one_of(
        parts.map(lambda changed: json.dumps({**right, **changed}).encode()),
        (image | st.lists(image, max_size=3) | ids).map(lambda value: json.dumps(value).encode()),
        st.sampled_from([*known_images, V1Pushes.document(CHILD, BEGUN), b"[" * 9000, TAR]),
        st.sampled_from([b'{"access": "private"}', b'{"access": 1}', b'"\\ud800"', b"9" * 9000]),
        anything.map(lambda value: json.dumps(value).encode()),
        st.binary(max_size=64),
        st.just(BLOB),
    )


@pytest.fixture
def known(make_app: Any, tmp_path: Any) -> Iterator[tuple[FlaskClient, dict[str, list[str]]]]:
    """Give a client of an application, and for each variable of a route values that exist."""
    app = make_app(
        search_backend="sqlalchemy", sqlalchemy_index_database=f"sqlite:///{tmp_path}/index.db"
    )
    with app.test_client() as client:
        repo, v1 = Pushes(client), V1Pushes(client)
        v1.tag("old/app", "v1", v1.image("whole", layer=TAR))
        assert v1.json(BEGUN, v1.document(BEGUN)).status_code == 200
        digest = repo.image(BLOB, tag="v1")
        session = client.post(repo.url("blobs/uploads/")).headers["Docker-Upload-UUID"]
        yield (
            client,
            {
                "repository": ["team/app", "new", "old/app", "a/b/c", "A B/C+D%2F~"],
                "tag": ["v1", "_x", "x_json"],
                "image": [WHOLE, BEGUN, CHILD, "0" * 16],
                "reference": ["v1", digest, sha256(b"missing")],
                "digest": [sha256(BLOB), sha512(BLOB), digest],
                "upload": [session, session[::-1]],
            },
        )


def requests_for(
    client: FlaskClient, values: dict[str, list[str]]
) -> st.SearchStrategy[dict[str, Any]]:
    """Give any request to any route of the application: a new route is asked as well."""

    def targets(rule: Any) -> st.SearchStrategy[tuple[str, str]]:
        parts = {name: texts(values.get(name, [])) for name in rule.arguments}
        # What a route does, far more often than what it doesn't.
        methods = st.sampled_from([*sorted(rule.methods) * 5, *METHODS])
        return st.tuples(methods, st.fixed_dictionaries(parts).map(partial(_path, rule)))

    routes = list(client.application.url_map.iter_rules())
    parameters = st.lists(
        st.tuples(st.sampled_from(PARAMETERS), texts([*chain(*values.values())])), max_size=3
    )
    headers = st.lists(
        st.sampled_from([(name, value) for name in HEADERS for value in HEADERS[name]]),
        max_size=3,
        unique_by=lambda header: header[0],
    )
    return st.fixed_dictionaries(
        {
            "target": st.sampled_from(routes).flatmap(targets),
            "query": parameters.map(lambda given: urlencode(given, errors="replace")),
            "headers": headers,
            "data": documents(),
        }
    )


def _path(rule: Any, values: dict[str, str]) -> str:
    """Put values into a route's path, whatever they hold, as no client would."""
    path: str = rule.rule
    for name, value in values.items():
        quoted = quote(value, "/:", errors="replace")
        path = re.sub(rf"<(?:\w+:)?{name}>", quoted.replace("\\", ""), path)
    return path


def check_answer(client: FlaskClient, asked: dict[str, Any]) -> None:
    method, path = asked["target"]
    response = client.open(
        path,
        method=method,
        query_string=asked["query"],
        headers=asked["headers"],
        data=asked["data"],
    )
    body = response.get_data()
    assert response.status_code < 500, body
    if response.status_code >= 400 and method != "HEAD":
        errors = json.loads(body)["errors"]
        assert errors
        assert all(set(error) == {"code", "message", "detail"} for error in errors)
        if path.startswith("/v1/"):
            assert json.loads(body)["error"] == errors[0]["message"]


def check_store(client: FlaskClient) -> None:
    """Whatever was asked, each blob has its digest and each tag its manifest."""
    registry = client.application.extensions["docker_registry"].registry
    for algorithm in registry.driver.iterate(layout.BLOBS):
        for prefix in registry.driver.iterate(f"{layout.BLOBS}/{algorithm}"):
            for value in registry.driver.iterate(f"{layout.BLOBS}/{algorithm}/{prefix}"):
                digest = Digest.parse(f"{algorithm}:{value}")
                content = registry.driver.get_content(layout.blob(digest))
                assert Digest.of(content, algorithm) == digest
    for repository in registry.repositories.iterate():
        for tag in registry.tags.iterate(repository):
            assert registry.manifests.get(repository, tag)


def check_legacy_store(client: FlaskClient) -> None:
    """Whatever was asked, each complete image has its checksum, and each tag its image."""
    store = client.application.extensions["docker_registry"].legacy
    assert set(store.driver.iterate("")) <= {"docker", "images", "repositories"}
    for image in store.images.iterate():
        try:
            store.images.ancestry(image)
        except LegacyError as error:
            raise AssertionError(f"{image}: {error.message}") from None
        if store.images.is_complete(image):
            document = store.images.json(image)
            with store.images.layer(image) as layer:
                computed = payload_checksum(document, b"".join(layer))
            assert computed in store.images.checksums(image)
    for name in store.repositories.iterate():
        for tag in store.repositories.tags(name):
            assert store.images.is_complete(tag.image)
            assert tag.path == legacy_layout.tag(name, tag.name)


def test_any_request(known: tuple[FlaskClient, dict[str, list[str]]]) -> None:
    client, values = known

    @settings(
        max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(requests_for(client, values))
    def ask(asked: dict[str, Any]) -> None:
        check_answer(client, asked)

    ask()
    check_store(client)
    check_legacy_store(client)
