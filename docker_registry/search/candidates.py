"""Which repositories may be results of a search: a bounded number, however many match.

A word that a million repositories have would else be looked for in the text of each, only to show
the best 25 of them.
"""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    column,
    select,
    table,
    text,
    union,
)
from sqlalchemy.orm import Session

from docker_registry.registry.names import MAX_NAME
from docker_registry.registry.selection import Selection
from docker_registry.search.like import ESCAPE, escape
from docker_registry.search.models import Repository
from docker_registry.search.selected import is_selected

#: How many repositories are looked at whose name begins with what is asked, likewise of the last
#: component, and of those that have the words anywhere.
MAX_CANDIDATES = 1000
#: Shortest text, in characters, that SQLite's trigram tokenizer finds.
TRIGRAM = 3
#: What comes behind all characters of names.
_BEHIND = "~"

_text = table("repositories_text", column("rowid", Integer))


def candidates(session: Session, words: list[str], selection: Selection) -> Subquery:
    """Give the ids of repositories that have all words, each once, as column ``id``.

    All of them where they are at most ``MAX_CANDIDATES``; else those that were indexed first, with
    those whose names begin with what is asked.
    """
    # No name begins with what is longer.
    phrase = " ".join(words)[: MAX_NAME + 1]
    named = Repository.name.between(phrase, phrase + _BEHIND)
    ending = Repository.leaf.between(phrase, phrase + _BEHIND)
    ids = select(Repository.id)
    found = (
        ids.where(named).order_by(Repository.name),
        ids.where(ending).order_by(Repository.leaf, Repository.id),
        _having(session, words),
    )
    selected = is_selected(selection)
    firsts = (one.where(*selected).limit(MAX_CANDIDATES).subquery() for one in found)
    return union(*(select(first.c.id) for first in firsts)).subquery()


def has_word(word: str) -> ColumnElement[bool]:
    """Say that a repository has a whole word."""
    return _like(f" {word} ")


def _having(session: Session, words: list[str]) -> Select[int]:
    if not _has_trigrams(session):
        return select(Repository.id).where(*map(_like, words)).order_by(Repository.id)
    long = [word for word in words if len(word) >= TRIGRAM]
    short = [_like(word) for word in words if len(word) < TRIGRAM]
    if not long:
        return select(Repository.id).where(*short).order_by(Repository.id)
    # In FTS5 the table's name stands for all of its columns; quotes make a phrase.
    phrases = " AND ".join('"{}"'.format(word.replace('"', '""')) for word in long)
    matches = column("repositories_text").op("MATCH")(phrases)
    return (
        select(Repository.id)
        .select_from(_text.join(Repository, Repository.id == _text.c.rowid))
        .where(matches, *short)
        .order_by(_text.c.rowid)
    )


def _like(part: str) -> ColumnElement[bool]:
    return Repository.document.like(f"%{escape(part)}%", escape=ESCAPE)


def _has_trigrams(session: Session) -> bool:
    """Whether the index has SQLite's full-text table, which not every SQLite can make."""
    if session.get_bind().dialect.name != "sqlite":
        return False
    query = text("SELECT 1 FROM sqlite_master WHERE name = 'repositories_text'")
    return session.scalar(query) is not None
