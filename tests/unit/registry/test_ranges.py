"""Where the names of a selection are, and reading no more than that."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.drivers.memory import MemoryDriver
from docker_registry.registry import Registry, layout
from docker_registry.registry.names import Digest, RepositoryName
from docker_registry.registry.ranges import NameRange, NameSet
from docker_registry.registry.selection import EVERYTHING, NOTHING, Selection
from tests.selections import NAMES, SELECTIONS, selection

DIGEST = Digest.of(b"manifest")
EDGES = st.text("ab/-", max_size=3)
PARTS = st.builds(NameRange, EDGES, EDGES).filter(lambda part: part.low < part.high)


def registry_with(names: set[str]) -> Registry:
    registry = Registry(MemoryDriver())
    for name in names:
        path = layout.revision_link(RepositoryName.parse(name), DIGEST)
        registry.driver.put_content(path, DIGEST.encode())
    return registry


@given(st.lists(st.tuples(PARTS, st.booleans()), max_size=6), EDGES)
def test_a_set_has_what_was_taken_in_last(changes: list[tuple[NameRange, bool]], name: str) -> None:
    names = NameSet()
    for part, is_in in changes:
        (names.add if is_in else names.remove)(part)
    ranges = names.ranges()
    expected = next((is_in for part, is_in in reversed(changes) if name in part), False)
    assert any(name in part for part in ranges) is expected
    assert all(part.low < part.high for part in ranges)
    assert all(before.high < behind.low for before, behind in pairwise(ranges))


@pytest.mark.parametrize(
    ("low", "high", "directory"),
    [
        ("", "~", ""),
        ("team", "team!", ""),
        ("team/", "team/~", "team/"),
        ("team/a", "team/b", "team/"),
        ("team/a/b", "team/a/b!", "team/a/"),
        ("team/a/b", "team/b", "team/"),
        ("team/a", "tean", ""),
        ("a/b/c/", "a~", ""),
    ],
)
def test_directory(low: str, high: str, directory: str) -> None:
    assert NameRange(low, high).directory == directory


@given(PARTS, st.text("ab/-!Z~\0 \ud800é", max_size=3), st.text("ab/-", min_size=1, max_size=3))
def test_behind(part: NameRange, last: str, name: str) -> None:
    behind = part.behind(last)
    assert (behind is not None and name in behind) is (name in part and name > last)


@given(SELECTIONS, NAMES)
def test_chosen_names_are_in_the_ranges(chosen: Selection, name: str) -> None:
    ranges = chosen.ranges
    found = any(name in part for part in ranges)
    exact = not any(one.pattern.has_wildcards for one in chosen.choices)
    assert found or name not in chosen
    assert not exact or found is (name in chosen)
    assert all(before.high < behind.low for before, behind in pairwise(ranges))


def test_ranges_of_all_and_of_none() -> None:
    assert EVERYTHING.ranges == (NameRange("", "~"),)
    assert NOTHING.ranges == ()
    assert list(selection("team/**", "team/app").ranges) == [
        NameRange("team", "team!"),
        NameRange("team/", "team/~"),
    ]
    assert list(selection("a/**", "-a/b/**", "a/b/c").ranges) == [
        NameRange("a", "a!"),
        NameRange("a/", "a/b"),
        NameRange("a/b!", "a/b/"),
        NameRange("a/b/c", "a/b/c!"),
        NameRange("a/b/~", "a/~"),
    ]


@given(st.sets(NAMES, max_size=12), SELECTIONS, st.one_of(st.just(""), NAMES, st.text(max_size=4)))
def test_the_storage_gives_what_was_chosen(names: set[str], chosen: Selection, after: str) -> None:
    expected = sorted(name for name in names if name > after and name in chosen)
    assert list(registry_with(names).repositories.iterate(after, chosen)) == expected


@pytest.mark.parametrize(
    ("chosen", "after"),
    [
        (selection("team/**"), ""),
        (selection("team/app", "team-b/*", "team/x/**", "none/**"), ""),
        (selection("**", "-others/**", "-z/**"), ""),
        (EVERYTHING, "team/app"),
    ],
)
def test_what_is_not_shown_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, chosen: Selection, after: str
) -> None:
    calls: list[str] = []

    class Counting(MemoryDriver):
        def list(self, path: str, after: str = "", limit: int = 1000) -> list[str]:
            calls.append(path)
            return super().list(path, after, limit)

    monkeypatch.setattr(f"{__name__}.MemoryDriver", Counting)
    shown = {"team", "team/app", "team/app/x", "team-b/app", "team/x/y"}
    before: set[str] = {f"others/{number}/app" for number in range(50)}
    behind: set[str] = {f"z/{number}/app" for number in range(50)}
    counts = []
    for names in (shown, shown | before if after else shown | before | behind):
        registry = registry_with(names)
        calls.clear()
        found = list(registry.repositories.iterate(after, chosen))
        assert found == sorted(name for name in shown if name in chosen and name > after)
        counts.append(len(calls))
    assert counts[0] == counts[1]


def test_whatever_a_client_has_seen_last() -> None:
    registry = registry_with({"a/b", "b"})
    for last in ("a" + "-a" * 5000, "a/" * 5000, "." * 5000, "a\0", "\ue000", "a/.x", "_a", "/"):
        expected = [name for name in ("a/b", "b") if name > last]
        assert list(registry.repositories.iterate(last)) == expected
