"""The tags of a repository (OCI distribution specification 1.1, "Listing Tags", end-8)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from flask import Blueprint, Response, json, request

from docker_registry.api.context import context
from docker_registry.api.paging import next_page, page_size
from docker_registry.errors import NameUnknown
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.registry.names import RepositoryName


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    blueprint.add_url_rule("/<path:repository>/tags/list", view_func=list_tags)


def list_tags(repository: RepositoryName) -> Response:
    """Give a page of tags, in byte order: those of V1 where there is nothing else."""
    registry = context().registry
    after = request.args.get("last", "")
    size = page_size(context().settings.tags_page)
    # One more than the page shows whether there is a next one.
    tags: Sequence[str] = registry.tags.list(repository, after, size + 1)
    if not tags and not registry.repositories.exists(repository):
        tags = _v1_tags(repository, after, size + 1)
    page = tags[:size]
    response = Response(json.dumps({"name": repository, "tags": page}), mimetype="application/json")
    if page and len(tags) > size:
        response.headers["Link"] = next_page(page[-1], size)
    return response


def _v1_tags(repository: RepositoryName, after: str, limit: int) -> list[str]:
    name = V1Name.of_listed(repository)
    if name is not None:
        v1 = context().legacy.repositories
        tags: list[str] = [tag for tag, _ in islice(v1.iterate_tags(name, after), limit)]
        if tags or (after and v1.has_tags(name)):
            return tags
    raise NameUnknown("there is no such repository", {"name": repository})
