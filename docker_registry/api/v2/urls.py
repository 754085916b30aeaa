"""Addresses that answers carry in ``Location``."""

from __future__ import annotations

from flask import request

from docker_registry.api.context import context
from docker_registry.registry.names import Digest, RepositoryName, UploadId


def blob_url(repository: RepositoryName, digest: Digest) -> str:
    """Give the address of a blob."""
    return _url(f"/v2/{repository}/blobs/{digest}")


def manifest_url(repository: RepositoryName, digest: Digest) -> str:
    """Give the address of a manifest."""
    return _url(f"/v2/{repository}/manifests/{digest}")


def upload_url(repository: RepositoryName, upload: UploadId) -> str:
    """Give the address of an upload session."""
    return _url(f"/v2/{repository}/blobs/uploads/{upload}")


def _url(path: str) -> str:
    # Every character of a name, a digest or an upload id may stand in a path as it is.
    settings = context().settings
    if settings.public_url:
        return settings.public_url + path
    path = request.script_root + settings.url_prefix + path
    if settings.relative_urls:
        return path
    return f"{request.scheme}://{request.host}{path}"
