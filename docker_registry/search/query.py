"""Searching: which repositories match, and in which order."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, case, column, func, select, table, text
from sqlalchemy.orm import Session

from docker_registry.registry.names import MAX_NAME
from docker_registry.registry.selection import Selection
from docker_registry.search.base import SearchPage, SearchResult
from docker_registry.search.document import query_words
from docker_registry.search.like import ESCAPE, escape
from docker_registry.search.models import Repository
from docker_registry.search.selected import is_selected, selected_behind

#: Shortest text, in characters, that SQLite's trigram tokenizer finds.
TRIGRAM = 3


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
    matches = [*(_contains(session, word) for word in words), *is_selected(selection)]
    total = session.scalar(select(func.count()).select_from(Repository).where(*matches)) or 0
    found = (
        select(Repository.name, Repository.description, Repository.title)
        .where(*matches)
        .order_by(*_order(words))
        .offset((page - 1) * page_size)
        .limit(page_size)
    )
    results = session.execute(found).all() if total > (page - 1) * page_size else []
    return SearchPage(
        total, tuple(SearchResult(row.name, row.description or row.title) for row in results)
    )


def _order(words: list[str]) -> list[ColumnElement[Any]]:
    if not words:
        return [Repository.name.expression]
    # No name begins with what is longer, and SQLite refuses very long patterns.
    phrase = " ".join(words)[: MAX_NAME + 1]
    rank = case(
        (Repository.name == phrase, 0),
        (Repository.leaf == phrase, 1),
        (Repository.name.like(f"{escape(phrase)}%", escape=ESCAPE), 2),
        (Repository.leaf.like(f"{escape(phrase)}%", escape=ESCAPE), 3),
        (and_(*(_like(f" {word} ") for word in words)), 4),
        else_=5,
    )
    return [rank, func.length(Repository.name), Repository.name.expression]


def _contains(session: Session, word: str) -> ColumnElement[bool]:
    if len(word) >= TRIGRAM and _has_trigrams(session):
        # In FTS5 the table's name stands for all of its columns; quotes make a phrase.
        quoted = word.replace('"', '""')
        matching = select(column("rowid", Integer)).select_from(table("repositories_text"))
        matches = column("repositories_text").op("MATCH")(f'"{quoted}"')
        return Repository.id.in_(matching.where(matches))
    return _like(word)


def _like(part: str) -> ColumnElement[bool]:
    return Repository.document.like(f"%{escape(part)}%", escape=ESCAPE)


def _has_trigrams(session: Session) -> bool:
    """Whether the index has SQLite's full-text table, which not every SQLite can make."""
    if session.get_bind().dialect.name != "sqlite":
        return False
    query = text("SELECT 1 FROM sqlite_master WHERE name = 'repositories_text'")
    return session.scalar(query) is not None
