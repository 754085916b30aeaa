"""Patterns of repository names, and choices among them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.registry.selection import (
    EVERYTHING,
    NOTHING,
    Choice,
    NamePattern,
    Selection,
)

WORDS = st.sampled_from(["a", "ab", "abc", "b", "team", "app", "a-b"])
NAMES = st.lists(WORDS, min_size=1, max_size=4).map("/".join)
GLOBS = st.lists(st.sampled_from(["a", "b", "*", "team", "-"]), min_size=1, max_size=3).map("".join)
GLOBS = GLOBS.filter(lambda text: "**" not in text)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return "/".join([*draw(st.lists(WORDS, max_size=3)), "**"])
    return "/".join(draw(st.lists(st.one_of(WORDS, GLOBS), min_size=1, max_size=3)))


PATTERNS = patterns()
CHOICES = st.lists(st.builds(Choice, PATTERNS.map(NamePattern.parse), st.booleans()), max_size=6)


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("team/app", ["team/app"], ["team", "team/apple", "team/app/x", "a/team/app"]),
        ("team/*", ["team/app", "team/a-b"], ["team", "team/app/x", "teams/app"]),
        ("team/a*p", ["team/app", "team/ap"], ["team/apt", "team/a/p"]),
        ("team/**", ["team", "team/app", "team/app/x"], ["teams", "teams/app", "a/team"]),
        ("*/app", ["team/app", "x/app"], ["app", "team/x/app", "team/apps"]),
        ("*", ["app"], ["team/app"]),
        ("**", ["app", "team/app"], []),
        ("a.b", ["a.b"], ["axb"]),
    ],
)
def test_what_a_pattern_means(pattern: str, matching: list[str], others: list[str]) -> None:
    parsed = NamePattern.parse(pattern)
    assert str(parsed) == pattern
    assert all(map(parsed.matches, matching))
    assert not any(map(parsed.matches, others))


@pytest.mark.parametrize(
    "text",
    ["", "/", "a/", "/a", "a//b", "UP", "a b", "a/**/b", "**/a", "a**", "***", "*/**", "a*/**",
     "a/b\n", "é", "{user}", "a:b", "team/**\n"],
)  # fmt: skip
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match="should"):
        NamePattern.parse(text)


@given(PATTERNS, NAMES)
def test_a_pattern_is_what_the_same_regular_expression_is(text: str, name: str) -> None:
    head, is_open = (text[:-2].rstrip("/"), True) if text.endswith("**") else (text, False)
    written = "[^/]*".join(map(re.escape, head.split("*")))
    if is_open:
        written = rf"{written}(/.*)?" if head else ".*"
    pattern = NamePattern.parse(text)
    assert pattern.matches(name) is bool(re.fullmatch(written, name))
    if pattern.matches(name):
        assert name.startswith(pattern.prefix)
        assert not pattern.is_literal or name == text


@pytest.mark.parametrize(
    "ascending",
    [
        ["**", "*", "a*", "team/**", "team/*", "team/a*", "team/app"],
        ["**", "team/**", "team/app/**", "team/app/*", "team/app/tools"],
        ["*/*", "*/app", "team/**"],
    ],
)
def test_the_more_a_pattern_says_the_more_specific_it_is(ascending: list[str]) -> None:
    specificities = [NamePattern.parse(text).specificity for text in ascending]
    assert specificities == sorted(set(specificities))


@given(CHOICES, NAMES)
def test_the_most_specific_decides_and_among_equals_a_positive_one(
    choices: list[Choice], name: str
) -> None:
    matching = [one for one in choices if one.pattern.matches(name)]
    most = max((one.pattern.specificity for one in matching), default=None)
    expected = any(one.chosen for one in matching if one.pattern.specificity == most)
    selection = Selection(choices)
    assert (name in selection) is expected
    assert (name in Selection(reversed(choices))) is expected
    if selection.is_everything:
        assert expected
    if selection.is_nothing:
        assert not expected
    if expected:
        assert any(name in part for part in selection.ranges)


def test_all_and_none() -> None:
    assert EVERYTHING.is_everything and "any/thing" in EVERYTHING
    assert NOTHING.is_nothing and "any/thing" not in NOTHING
    assert not NOTHING.ranges
    all_but_one = Selection([*EVERYTHING.choices, Choice(NamePattern.parse("a/b"), False)])
    assert not all_but_one.is_everything
    assert "a/b" not in all_but_one and "a/b/c" in all_but_one
