"""The repositories of the registry (``_catalog`` of the Docker Registry HTTP API V2)."""

from __future__ import annotations

from itertools import islice

from flask import Blueprint, Response, json, request

from docker_registry.api.access import access
from docker_registry.api.context import context
from docker_registry.api.paging import next_page, page_size
from docker_registry.search.catalog import todays_names


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    blueprint.add_url_rule("/_catalog", view_func=list_repositories)


def list_repositories() -> Response:
    """Give a page of the repositories that may be pulled, those of V1 among them, in byte order.

    From the index, else from the storage.
    """
    size = page_size(context().settings.catalog_page)
    # One more than the page shows whether there is a next one.
    names = _names(request.args.get("last", ""), size + 1)
    page = names[:size]
    response = Response(json.dumps({"repositories": page}), mimetype="application/json")
    if page and len(names) > size:
        response.headers["Link"] = next_page(page[-1], size)
    return response


def _names(after: str, limit: int) -> list[str]:
    index, selection = context().index, access().visible()
    names = index.repositories(after, limit, selection) if index is not None else None
    if names is None:
        stored = todays_names(context().registry, context().legacy, after, selection)
        names = list(islice(stored, limit))
    return names
