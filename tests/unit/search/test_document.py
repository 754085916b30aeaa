"""The words of a repository and those of a query."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from docker_registry.search.document import (
    MAX_DOCUMENT,
    MAX_WORDS,
    document,
    query_words,
    storable,
)


def test_a_name_is_found_whole_and_by_its_parts():
    assert document("x/my-ubuntu", "", "", []) == " x/my-ubuntu x my-ubuntu my ubuntu "


def test_title_description_and_tags_follow_each_word_once():
    text = document("app", "The App", "an APP, served", ["v1.2", "app"])
    assert text == " app the an app, served v1.2 v1 2 "


def test_what_is_too_long_is_cut_between_words():
    tags = [f"tag{number}" for number in range(MAX_DOCUMENT)]
    text = document("app", "", "", tags)
    assert MAX_DOCUMENT - 20 < len(text) <= MAX_DOCUMENT
    assert text.startswith(" app tag0 tag1 ")
    assert text.split() == ["app", *tags][: len(text.split())]
    assert document("app", "x" * MAX_DOCUMENT, "", ["v1"]) == " app "


@given(st.text(max_size=200), st.text(max_size=200), st.lists(st.text(max_size=20), max_size=20))
def test_each_word_stands_between_two_spaces(title, description, tags):
    text = document("team/app", title, description, tags)
    assert text == f" {' '.join(text.split())} "
    for word in f"{title} {description}".casefold().split():
        assert f" {word} " in text


@given(st.text(), st.integers(0, 20))
def test_storable_text_can_be_kept_by_every_database(text, limit):
    kept = storable(text, limit)
    assert len(kept) <= limit
    assert "\0" not in kept
    assert storable(kept, limit) == kept
    assert kept == text[:limit].replace("\0", "")


def test_half_a_surrogate_pair_is_replaced():
    assert storable("a\ud800b\0c", 4) == "a?b"


def test_words_of_a_query():
    assert query_words("") == []
    assert query_words(" \t\n") == []
    assert query_words("My  UBUNTU my") == ["my", "ubuntu"]
    assert query_words("STRASSE straße") == ["strasse"]
    assert len(query_words(" ".join(map(str, range(100)))) or []) == MAX_WORDS


def test_queries_that_nothing_can_match():
    assert query_words("a\0b") is None
    assert query_words("\udc80") is None
    assert query_words("a" * (MAX_DOCUMENT + 1)) is None
