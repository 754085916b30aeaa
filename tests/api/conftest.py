"""An application over the memory driver, and what tests push into it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from docker_registry.app import create_app
from docker_registry.config import Settings

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCTETS = {"Content-Type": "application/octet-stream"}


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def sha512(data: bytes) -> str:
    return f"sha512:{hashlib.sha512(data).hexdigest()}"


def error_codes(response: TestResponse) -> list[str]:
    """Give the codes of a registry error body, which must be one."""
    assert response.content_type == "application/json", response.data
    errors = response.get_json()["errors"]
    assert errors and all(set(error) == {"code", "message", "detail"} for error in errors)
    assert all(error["message"] for error in errors)
    return [error["code"] for error in errors]


@dataclass
class Pushes:
    """A client of one repository that knows how to push."""

    client: FlaskClient
    repository: str = "team/app"
    pushed: dict[str, bytes] = field(default_factory=dict)

    def url(self, path: str) -> str:
        return f"/v2/{self.repository}/{path}"

    def blob(self, data: bytes, digest: str | None = None) -> dict[str, Any]:
        digest = digest or sha256(data)
        response = self.client.post(self.url(f"blobs/uploads/?digest={digest}"), data=data)
        assert response.status_code == 201, response.data
        return {"mediaType": OCI_LAYER, "digest": digest, "size": len(data)}

    def document(self, *layers: bytes, **more: Any) -> dict[str, Any]:
        return {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {**self.blob(b"{}"), "mediaType": OCI_CONFIG},
            "layers": [self.blob(layer) for layer in layers],
            **more,
        }

    def put(self, document: Any, reference: str | None = None, **headers: str) -> TestResponse:
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.pushed[sha256(content)] = content
        media_type = "" if isinstance(document, bytes) else document.get("mediaType", OCI_MANIFEST)
        return self.client.put(
            self.url(f"manifests/{reference or sha256(content)}"),
            data=content,
            headers={"Content-Type": media_type, **headers},
        )

    def image(self, *layers: bytes, tag: str | None = None, **more: Any) -> str:
        """Push an image and give its digest."""
        response = self.put(self.document(*layers, **more), tag)
        assert response.status_code == 201, response.data
        return response.headers["Docker-Content-Digest"]

    def descriptor(self, digest: str) -> dict[str, Any]:
        content = self.pushed[digest]
        media_type = json.loads(content)["mediaType"]
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


AppFactory = Callable[..., Flask]


@pytest.fixture
def make_app() -> AppFactory:
    def make(**settings: Any) -> Flask:
        return create_app(Settings(**{"storage": "memory", "search_backend": None, **settings}))

    return make


@pytest.fixture
def client(make_app: AppFactory) -> Iterator[FlaskClient]:
    with make_app().test_client() as client:
        yield client


@pytest.fixture
def repo(client: FlaskClient) -> Pushes:
    return Pushes(client)
