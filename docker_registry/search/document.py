"""The words by which a repository is found, and those of a query.

Both are case-folded here, so that every database only has to compare plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: Longest search document, in characters. What comes behind, the longest tags, isn't searched.
MAX_DOCUMENT = 8000
#: Words of a query that are looked at.
MAX_WORDS = 32

_PARTS = re.compile(r"[^\W_]+")


def storable(text: str, limit: int) -> str:
    """Give text as every database can keep it, at most ``limit`` characters.

    PostgreSQL knows no NUL, and half a surrogate pair, which JSON can hold, is not UTF-8.
    """
    clean = text[:limit].replace("\0", "")
    return clean.encode("utf-8", "replace").decode("utf-8")


def document(name: str, title: str, description: str, tags: Iterable[str]) -> str:
    """Give the search document of a repository: its words, each once, between spaces.

    ``x/my-ubuntu`` gives `` x/my-ubuntu x my-ubuntu my ubuntu ``, so that a whole word is found as
    text between two spaces, and any part of one as text.

    :param tags: the most telling first.
    """
    words: dict[str, None] = {}
    length = 1
    for text in (name, title, description, *tags):
        for word in _words(text.casefold()):
            if word in words:
                continue
            length += len(word) + 1
            if length > MAX_DOCUMENT:
                return _join(words)
            words[word] = None
    return _join(words)


def query_words(query: str) -> list[str] | None:
    """Give the distinct words of a query, or ``None`` if nothing can match them all."""
    words = list(dict.fromkeys(query.casefold().split()))[:MAX_WORDS]
    if any(len(word) > MAX_DOCUMENT or storable(word, MAX_DOCUMENT) != word for word in words):
        return None
    return words


def _words(text: str) -> Iterator[str]:
    for word in text.split():
        yield word
        for component in word.split("/"):
            if component:
                yield component
                yield from _PARTS.findall(component)


def _join(words: Iterable[str]) -> str:
    return f" {' '.join(words)} "
