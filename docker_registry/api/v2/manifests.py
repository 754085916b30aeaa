"""Manifests: HEAD, GET, PUT and DELETE, by tag and by digest.

OCI distribution specification 1.1, "Pulling manifests", "Pushing Manifests" and "Deleting
Manifests" (end-3, end-7, end-9), and the tag parameters of its main branch.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, request
from werkzeug.http import parse_options_header

from docker_registry.api.body import read_body
from docker_registry.api.context import context
from docker_registry.api.responses import EmptyResponse
from docker_registry.api.v2.urls import manifest_url
from docker_registry.api.write_once import require_admin_for
from docker_registry.errors import DigestInvalid, ManifestTooLarge, ManifestUnknown
from docker_registry.legacy.errors import TagUnknown
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.legacy.names import Tag as V1Tag
from docker_registry.registry.manifest import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    Manifest,
)
from docker_registry.registry.names import Digest, RepositoryName, Tag

_NON_DISTRIBUTABLE = (
    '299 - "non-distributable layers are deprecated since OCI image specification 1.1: '
    'push the layers with the image"'
)


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    path = "/<path:repository>/manifests/<reference>"
    blueprint.add_url_rule(path, view_func=get_manifest)
    blueprint.add_url_rule(path, view_func=put_manifest, methods=["PUT"])
    blueprint.add_url_rule(path, view_func=delete_manifest, methods=["DELETE"])


def get_manifest(repository: RepositoryName, reference: Tag | Digest) -> Response:
    """Give a manifest, byte for byte as it was pushed."""
    manifest = _find(repository, reference)
    if isinstance(reference, Tag) and manifest.media_type == DOCKER_LIST:
        manifest = _for_clients_without_lists(repository, manifest)
    response = (
        EmptyResponse(status=HTTPStatus.NOT_MODIFIED)
        if request.if_none_match.contains_weak(manifest.digest)
        else Response(manifest.content, content_type=manifest.media_type)
    )
    response.set_etag(manifest.digest)
    response.headers["Docker-Content-Digest"] = manifest.digest
    return response


def put_manifest(repository: RepositoryName, reference: Tag | Digest) -> Response:
    """Store a manifest under its digest, and point the tags of the request to it."""
    limit = context().settings.manifest_limit
    content = read_body(limit)
    if content is None:
        raise ManifestTooLarge(f"a manifest may have {limit} bytes", {"limit": limit})
    manifest = Manifest.parse(content, _digest(content, reference), _media_type())
    tags = _tags(reference)
    context().registry.manifests.put(repository, manifest, tags)

    response = EmptyResponse(status=HTTPStatus.CREATED)
    response.headers["Location"] = manifest_url(repository, manifest.digest)
    response.headers["Docker-Content-Digest"] = manifest.digest
    if manifest.subject:
        response.headers["OCI-Subject"] = manifest.subject.digest
    if "tag" in request.args:
        response.headers["OCI-Tag"] = ", ".join(tags)
    if any(layer.is_kept_elsewhere for layer in manifest.layers):
        response.headers["Warning"] = _NON_DISTRIBUTABLE
    return response


def delete_manifest(repository: RepositoryName, reference: Tag | Digest) -> Response:
    """Remove a tag alone, or a manifest with every tag that points to it."""
    registry = context().registry
    if isinstance(reference, Tag):
        once = [reference] if registry.tags.is_written_once(repository, reference) else []
        require_admin_for(repository, once)
        registry.manifests.delete_tag(repository, reference)
    else:
        require_admin_for(repository, registry.tags.written_once(repository, reference))
        registry.manifests.delete(repository, reference)
    return EmptyResponse(status=HTTPStatus.ACCEPTED)


def _find(repository: RepositoryName, reference: Tag | Digest) -> Manifest:
    try:
        return context().registry.manifests.get(repository, reference)
    except ManifestUnknown:
        if isinstance(reference, Tag) and _is_tag_of_v1(repository, reference):
            raise ManifestUnknown(
                "the tag is an image of V1, which only old clients can pull: "
                "'docker-registry migrate' makes one for today's clients of it",
                {"tag": reference},
            ) from None
        raise


def _is_tag_of_v1(repository: RepositoryName, tag: Tag) -> bool:
    name = V1Name.of_listed(repository)
    if name is None:
        return False
    try:
        context().legacy.repositories.tag(name, V1Tag(tag))
    except TagUnknown:
        return False
    return True


def _digest(content: bytes, reference: Tag | Digest) -> Digest:
    if isinstance(reference, Tag):
        return Digest.of(content)
    found = Digest.of(content, reference.algorithm)
    if found != reference:
        raise DigestInvalid(
            "the manifest has another digest than the one it is pushed under",
            {"digest": reference, "received": found},
        )
    return found


def _media_type() -> str | None:
    return parse_options_header(request.headers.get("Content-Type"))[0] or None


def _tags(reference: Tag | Digest) -> list[Tag]:
    named = [reference] if isinstance(reference, Tag) else []
    return [*named, *(Tag.parse(text) for text in request.args.getlist("tag"))]


def _for_clients_without_lists(repository: RepositoryName, manifest: Manifest) -> Manifest:
    """Give a client that knows images but no manifest lists the image for linux/amd64.

    Docker before 1.10 and old CI tools are like that; Distribution does the same for them.
    """
    accepted = request.accept_mimetypes
    if accepted.quality(DOCKER_LIST) or not accepted.quality(DOCKER_MANIFEST):
        return manifest
    for child in manifest.manifests:
        platform = child.platform or {}
        if (platform.get("os"), platform.get("architecture")) == ("linux", "amd64"):
            return context().registry.manifests.get(repository, child.digest)
    return manifest
