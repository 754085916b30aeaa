"""Searching: which repositories match, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from docker_registry.registry.names import MAX_NAME
from docker_registry.registry.selection import Selection
from docker_registry.search.base import SearchPage, SearchResult
from docker_registry.search.candidates import candidates, has_word
from docker_registry.search.document import query_words
from docker_registry.search.like import ESCAPE, escape
from docker_registry.search.models import Progress, Repository
from docker_registry.search.selected import is_selected, selected_behind

#: What a result shows.
_SHOWN = (Repository.name, Repository.description, Repository.title)


def is_complete(session: Session) -> bool:
    """Whether all of the storage was indexed once."""
    return bool(session.scalar(select(Progress.complete)))


def names(session: Session, after: str, limit: int, selection: Selection) -> list[str]:
    """Give names of today; see ``SearchIndex.repositories``.

    One short query for each range of the selection, so that what lies between them costs nothing.
    """
    found: list[str] = []
    for condition in selected_behind(selection, after):
        query = select(Repository.name).where(Repository.todays, condition)
        found += session.scalars(query.order_by(Repository.name).limit(limit - len(found)))
        if len(found) >= limit:
            break
    return found


def search(
    session: Session, query: str, page: int, page_size: int, selection: Selection
) -> SearchPage:
    """Find repositories; see ``SearchIndex.search``.

    Best first: the whole name, or its last component, is what was asked for; one of them begins
    with it; each word is a whole word somewhere; each word is part of one. Among equals the
    shorter name, then byte order.
    """
    words = query_words(query)
    if words is None:
        return SearchPage(0, ())
    if not words:
        return _all(session, page, page_size, selection)
    found = candidates(session, words, selection)
    results = (
        select(*_SHOWN, func.count().over().label("total"))
        .join(found, found.c.id == Repository.id)
        .order_by(*_order(words))
        .offset((page - 1) * page_size)
        .limit(page_size)
    )
    rows = session.execute(results).all()
    if rows:
        return _shown(rows[0].total, rows)
    total = session.scalar(select(func.count()).select_from(found)) if page > 1 else 0
    return _shown(total or 0, rows)


def _all(session: Session, page: int, page_size: int, selection: Selection) -> SearchPage:
    chosen = is_selected(selection)
    total = session.scalar(select(func.count()).select_from(Repository).where(*chosen)) or 0
    results = (
        select(*_SHOWN)
        .where(*chosen)
        .order_by(Repository.name)
        .offset((page - 1) * page_size)
        .limit(page_size)
    )
    return _shown(total, session.execute(results).all())


def _shown(total: int, rows: Sequence[Any]) -> SearchPage:
    return SearchPage(
        total, tuple(SearchResult(row.name, row.description or row.title) for row in rows)
    )


def _order(words: list[str]) -> list[ColumnElement[Any]]:
    # No name begins with what is longer, and SQLite refuses very long patterns.
    phrase = " ".join(words)[: MAX_NAME + 1]
    rank = case(
        (Repository.name == phrase, 0),
        (Repository.leaf == phrase, 1),
        (Repository.name.like(f"{escape(phrase)}%", escape=ESCAPE), 2),
        (Repository.leaf.like(f"{escape(phrase)}%", escape=ESCAPE), 3),
        (and_(*map(has_word, words)), 4),
        else_=5,
    )
    return [rank, func.length(Repository.name), Repository.name.expression]
