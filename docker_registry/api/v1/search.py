"""``/v1/search``: what ``docker search HOST/TERM`` asks for."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, request

from docker_registry.api.access import access
from docker_registry.api.context import context
from docker_registry.api.errors import RETRY_AFTER
from docker_registry.api.v1.answers import answer, refuse
from docker_registry.search.base import IndexUnavailable, SearchPage

#: Results on a page: Docker's own default, and the most that its hub gave.
PAGE_SIZE, MAX_PAGE_SIZE = 25, 100
#: The last page that can be asked for.
MAX_PAGE = 1_000_000


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of this module."""
    blueprint.add_url_rule("/v1/search", view_func=search)


def search() -> Response:
    """Find repositories: ``q`` holds words, ``n`` is the size of a page, ``page`` counts from 1.

    Of a page larger than is given the answer says how large it is (``page_size``).
    Only what may be pulled is found, and counted.
    """
    index = context().index
    if index is None:
        return refuse(
            HTTPStatus.NOT_FOUND,
            "UNSUPPORTED",
            "search is off in this registry: search_backend (SEARCH_BACKEND) turns it on, "
            "for instance with the value sqlalchemy",
        )
    size, page = _number("n", PAGE_SIZE), _number("page", 1)
    if size is None or page is None or page > MAX_PAGE:
        return refuse(
            HTTPStatus.BAD_REQUEST,
            "PAGINATION_NUMBER_INVALID",
            f"n and page must be numbers from 1, and page no more than {MAX_PAGE}",
        )
    size = min(size, MAX_PAGE_SIZE)
    query = request.args.get("q", "")
    try:
        found = index.search(query, page, size, access().visible())
    except IndexUnavailable:
        response = refuse(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "UNAVAILABLE",
            "the search index can't be asked now: try again later",
        )
        response.headers["Retry-After"] = str(RETRY_AFTER)
        return response
    return answer(_document(query, page, size, found))


def _number(name: str, default: int) -> int | None:
    text = request.args.get(name) or str(default)
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        return None
    return int(text) or None


def _document(query: str, page: int, size: int, found: SearchPage) -> dict[str, object]:
    return {
        "query": query,
        "num_results": found.total,
        "num_pages": -(-found.total // size),
        "page": page,
        "page_size": size,
        "results": [
            {
                "name": result.name,
                "description": result.description,
                "star_count": 0,
                "is_official": False,
                "is_automated": False,
                "is_trusted": False,
            }
            for result in found.results
        ],
    }
