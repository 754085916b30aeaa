"""What a selection has, in each kind of database."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from docker_registry.registry.selection import EVERYTHING, NOTHING, Selection
from docker_registry.search import models
from docker_registry.search import query as queries
from docker_registry.search.database import Database, parse_url
from docker_registry.search.document import document
from docker_registry.search.listed import ListedName
from docker_registry.search.sql import SqlIndex
from tests.selections import NAMES, SELECTIONS, selection

WORDS = ["a", "b", "ab", "a-b", "a.b", "a_b", "a0", "axb", "team"]
TODAYS = sorted("/".join(words) for length in (1, 2, 3) for words in product(WORDS, repeat=length))
#: Some that patterns would match, if they were for them.
ODD = ["A", "Team/app", "a/B", "a/b c", "a/a__", "team/-", "team/a..b", "a%b", "a/b!"]


@pytest.fixture
def filled(url):
    """Give a database with all of these names."""
    database = Database(parse_url(url))
    rows = [
        {
            "name": name,
            "leaf": name.rpartition("/")[2],
            "document": document(name, "", "", ["latest"]),
            "todays": ListedName(name).todays is not None,
            "title": "",
            "description": "",
        }
        for name in [*TODAYS, *ODD]
    ]
    with database.write() as session:
        session.execute(insert(models.Repository), rows)
    yield database
    database.close()


def all_names(session, chosen, size=7):
    seen = []
    while page := queries.names(session, seen[-1] if seen else "", size, chosen):
        seen += page
    return seen


def test_a_condition_is_what_the_selection_is(filled):
    with filled.read() as session:

        @settings(
            max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(SELECTIONS, NAMES, st.sampled_from(["", "ab", "team", "b latest"]))
        def check(chosen: Selection, after: str, words: str) -> None:
            expected = [name for name in TODAYS if name in chosen]
            assert queries.names(session, "", 1000, chosen) == expected
            assert (
                queries.names(session, after, 5, chosen) == [n for n in expected if n > after][:5]
            )
            if chosen.is_everything:
                return
            found = queries.search(session, words, 1, 1000, chosen)
            matching = [n for n in expected if all(word in f"{n} latest" for word in words.split())]
            assert sorted(result.name for result in found.results) == matching
            assert found.total == len(matching)

        check()


def test_pages(filled):
    chosen = selection("team/**", "-team/a*", "a*/*/team", "b", "a0", "-a0/team/team")
    expected = [name for name in TODAYS if name in chosen]
    assert 50 < len(expected) < 200
    with filled.read() as session:
        assert all_names(session, chosen) == expected
        assert all_names(session, EVERYTHING, 100) == TODAYS
        found = []
        for page in range(1, 100):
            result = queries.search(session, "team", page, 7, chosen)
            found += result.results
            assert result.total == sum("team" in name for name in expected)
    assert sorted(one.name for one in found) == [name for name in expected if "team" in name]


def test_who_sees_everything_sees_what_only_v1_could_ask_for(filled):
    with filled.read() as session:
        for chosen, odd in ((EVERYTHING, ODD), (selection("**", "-b"), [])):
            expected = {name for name in [*TODAYS, *odd] if name in chosen}
            found = queries.search(session, "", 1, 10_000, chosen)
            assert {result.name for result in found.results} == expected


def test_many_rules(filled):
    """SQLite takes no expression that is more than a thousand levels deep."""
    many = [*TODAYS[::5], *(f"none/{number}/*" for number in range(60))]
    chosen = selection(*many, "-a/b*", "team/**")
    expected = [name for name in TODAYS if name in chosen]
    with filled.read() as session:
        assert all_names(session, chosen, 300) == expected
        assert queries.search(session, "", 1, 10, chosen).total == len(expected)


def test_nothing_asks_nothing(registry, legacy):
    index = SqlIndex("postgresql://nobody@127.0.0.1:9/none", registry, legacy)
    assert index.repositories("", 10, NOTHING) == []
    assert index.search("", selection=selection("-a")).total == 0


@pytest.mark.parametrize("last", ["a\0b", "\ud800", "é", "x" * 10_000, "a%", "\\"])
def test_whatever_a_client_has_seen_last(filled, last):
    with filled.read() as session:
        expected = [name for name in TODAYS if name > last][:3]
        assert queries.names(session, last, 3, EVERYTHING) == expected
