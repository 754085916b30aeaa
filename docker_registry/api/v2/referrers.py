"""The referrers of a manifest.

OCI distribution specification 1.1, "Listing Referrers" (end-12a, end-12b).
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, json, request

from docker_registry.api.context import context
from docker_registry.api.paging import next_page, page_size
from docker_registry.registry.manifest import OCI_INDEX
from docker_registry.registry.names import Digest, RepositoryName

#: A page ends before it has more bytes than clients allow a manifest to have.
PAGE_BYTES = 4 * 1024 * 1024 - 64 * 1024
#: Most descriptors on a page.
PAGE_ENTRIES = 1000


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    blueprint.add_url_rule("/<path:repository>/referrers/<digest>", view_func=list_referrers)


def list_referrers(repository: RepositoryName, digest: Digest) -> Response:
    """Give a page of the manifests whose subject is ``digest``, as an index.

    A subject that is not there has no referrers, which is an answer, not an error.
    """
    size = max(page_size(PAGE_ENTRIES), 1)
    wanted = request.args.get("artifactType")
    entries, more = _page(repository, digest, wanted, size)
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    response = Response(json.dumps(index), content_type=OCI_INDEX)
    if wanted:
        response.headers["OCI-Filters-Applied"] = "artifactType"
    if more:
        response.headers["Link"] = next_page(entries[-1]["digest"], size)
    return response


def _page(
    repository: RepositoryName, subject: Digest, artifact_type: str | None, size: int
) -> tuple[list[dict[str, Any]], bool]:
    """Give the descriptors of a page, and whether more follow."""
    last = request.args.get("last")
    after = Digest.parse(last) if last else None
    entries: list[dict[str, Any]] = []
    length = 0
    for descriptor in context().registry.manifests.referring_to(repository, subject, after):
        if artifact_type and descriptor.artifact_type != artifact_type:
            continue
        entry = descriptor.to_json()
        length += len(json.dumps(entry))
        if entries and (len(entries) == size or length > PAGE_BYTES):
            return entries, True
        entries.append(entry)
    return entries, False
