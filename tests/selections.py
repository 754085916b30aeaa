"""Names, patterns and selections of repositories, for tests of properties."""

from __future__ import annotations

from hypothesis import strategies as st

from docker_registry.registry.selection import Choice, NamePattern, Selection

_WORDS = st.sampled_from(["a", "b", "ab", "a-b", "a.b", "a_b", "a0", "axb", "team"])
NAMES = st.lists(_WORDS, min_size=1, max_size=3).map("/".join)

_WILD = st.sampled_from(["*", "a*", "*b", "a*b", "a_*", "*.*", "*-*"])
_CLOSED = st.lists(_WORDS | _WILD, min_size=1, max_size=3).map("/".join)
_OPEN = st.lists(_WORDS, max_size=2).map(lambda words: "/".join([*words, "**"]))
_PATTERNS = (_CLOSED | _OPEN).map(NamePattern.parse)
SELECTIONS = st.lists(st.builds(Choice, _PATTERNS, st.booleans()), max_size=5).map(Selection)


def selection(*patterns: str) -> Selection:
    """Give a selection of patterns; those that begin with a minus are not chosen."""
    return Selection(
        Choice(NamePattern.parse(text.removeprefix("-")), not text.startswith("-"))
        for text in patterns
    )
