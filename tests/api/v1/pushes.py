"""A client of V1 that pushes into an application, as Docker 1.x does."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

USER_AGENT = "docker/1.5.0 go/go1.4.1 git-commit/a8a31ef kernel/3.16.0 os/linux arch/AMD64"


def image_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def payload_checksum(document: bytes, layer: bytes) -> str:
    return "sha256:" + hashlib.sha256(document + b"\n" + layer).hexdigest()


class WholeAnswers(FlaskClient):
    """A client that reads each answer to its end, so that no file stays open."""

    def open(self, *arguments: Any, **named: Any) -> TestResponse:
        return super().open(*arguments, buffered=True, **named)


class V1Pushes:
    """Pushes images and tags."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    @staticmethod
    def document(image: str, parent: str | None = None) -> bytes:
        document: dict[str, Any] = {"id": image, "created": "2014-01-01T00:00:00Z"}
        if parent:
            document["parent"] = parent
        return json.dumps(document).encode()

    def json(self, image: str, content: bytes) -> TestResponse:
        return self.client.put(f"/v1/images/{image}/json", data=content)

    def layer(self, image: str, layer: bytes) -> TestResponse:
        return self.client.put(f"/v1/images/{image}/layer", data=layer)

    def checksum(self, image: str, checksum: str, header: str = "") -> TestResponse:
        headers = {header or "X-Docker-Checksum-Payload": checksum}
        return self.client.put(f"/v1/images/{image}/checksum", headers=headers)

    def image(self, name: str, parent: str | None = None, layer: bytes = b"layer") -> str:
        """Push a whole image, and give its id."""
        image = image_id(name)
        document = self.document(image, parent)
        for response in (
            self.json(image, document),
            self.layer(image, layer),
            self.checksum(image, payload_checksum(document, layer)),
        ):
            assert (response.status_code, response.get_json()) == (200, True), response.data
        return image

    def tag(self, repository: str, tag: str, image: Any) -> TestResponse:
        return self.client.put(
            f"/v1/repositories/{repository}/tags/{tag}",
            data=json.dumps(image),
            headers={"User-Agent": USER_AGENT},
        )


def refusal(response: TestResponse, status: int) -> str:
    """Give the message of an error, which is there for both kinds of clients."""
    assert response.status_code == status, response.data
    assert response.content_type == "application/json"
    # With authentication it is private besides.
    assert response.headers["Cache-Control"] in ("no-cache", "no-cache, private")
    body = response.get_json()
    (entry,) = body["errors"]
    assert set(entry) == {"code", "message", "detail"}
    assert body["error"] == entry["message"]
    return str(body["error"])
