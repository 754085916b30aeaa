"""URLs of layers in a manifest: allowed or not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from docker_registry.config import Settings
from tests.api.conftest import OCI_CONFIG, OCI_MANIFEST, AppFactory, Pushes, error_codes, sha256

FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
NOTHING = {"manifest_url_allow": ["^$"]}


def push(make_app: AppFactory, settings: dict[str, Any], *urls: Any) -> Any:
    with make_app(**settings).test_client() as client:
        repo = Pushes(client)
        layer = {"mediaType": FOREIGN, "digest": sha256(b"x"), "size": 1, "urls": list(urls)}
        return repo.put(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": {**repo.blob(b"{}"), "mediaType": OCI_CONFIG},
                "layers": [layer],
            }
        )


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "https://example.org/layer"),
        ({"manifest_url_allow": ["^https://", "^http://a/"]}, "http://a/layer"),
        ({"manifest_url_deny": [r"^https?://www\."]}, "https://example.org/layer"),
    ],
)
def test_allowed(make_app: AppFactory, settings: dict[str, Any], url: str) -> None:
    assert push(make_app, settings, url).status_code == 201


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        (NOTHING, "https://example.org/layer"),
        ({"manifest_url_allow": ["^https://"]}, "http://example.org/layer"),
        ({"manifest_url_deny": [r"^https?://www\."]}, "http://www.example.org/layer"),
        ({}, "file:///etc/passwd"),
        ({}, "https://example.org/layer#part"),
        ({}, "https://[broken"),
    ],
)
def test_not_allowed(make_app: AppFactory, settings: dict[str, Any], url: str) -> None:
    response = push(make_app, settings, "https://example.org/layer", url)
    assert response.status_code == 400
    assert error_codes(response) == ["MANIFEST_INVALID"]


def test_a_manifest_without_urls_is_no_matter(make_app: AppFactory) -> None:
    assert push(make_app, NOTHING).status_code == 201


def test_patterns_are_tried_at_start() -> None:
    with pytest.raises(ValidationError, match="regular expression"):
        Settings(manifest_url_deny=["("])
