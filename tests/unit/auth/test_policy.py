"""Who may do what with which repositories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.auth.explain import explain
from docker_registry.auth.identity import ANONYMOUS, Identity
from docker_registry.auth.policy import SELECTIONS, Action, Policy, Rule, check_pattern, check_who
from docker_registry.registry.names import RepositoryName

ALICE = Identity(
    "keystone",
    "alice",
    frozenset({"dev"}),
    frozenset({"member"}),
    project="acme/web",
    domain="corp",
)
BOB = Identity("htpasswd", "bob")


def rule(who: str, repositories: str, *actions: str) -> Rule:
    check_pattern(repositories)
    return Rule(tuple(map(check_who, who.split())), repositories, frozenset(map(Action, actions)))


def may(policy: Policy, identity: Identity, repository: str) -> set[str]:
    name = RepositoryName.parse(repository)
    return {str(action) for action in Action if policy.may(identity, action, name)}


@pytest.mark.parametrize(
    ("word", "is_alice", "is_bob", "is_anonymous"),
    [
        ("anonymous", False, False, True),
        ("any-user", True, True, False),
        ("everybody", True, True, True),
        ("user:alice", True, False, False),
        ("user:anonymous", False, False, False),
        ("user:ALICE", False, False, False),
        ("group:dev", True, False, False),
        ("role:member", True, False, False),
        ("role:dev", False, False, False),
        ("group:member", False, False, False),
        ("method:htpasswd", False, True, False),
        ("htpasswd:bob", False, True, False),
        ("keystone:bob", False, False, False),
        ("keystone:alice", True, False, False),
    ],
)
def test_whom_a_word_means(word: str, is_alice: bool, is_bob: bool, is_anonymous: bool) -> None:
    about = rule(word, "**", "pull")
    assert about.is_about(ALICE) is is_alice
    assert about.is_about(BOB) is is_bob
    assert about.is_about(ANONYMOUS) is is_anonymous


def test_names_may_have_colons() -> None:
    identity = Identity("keystone", "urn:x:alice", frozenset({"cn=a:b"}))
    for word in ("user:urn:x:alice", "group:cn=a:b", "keystone:urn:x:alice"):
        assert rule(word, "**").is_about(identity)


@pytest.mark.parametrize("word", ["", "alice", "user:", ":x", "users:x", "Anonymous", "any-user:x"])
def test_what_names_nobody(word: str) -> None:
    with pytest.raises(ValueError, match="should be anonymous, any-user, everybody"):
        check_who(word)


def test_rules_are_not_for_tokens_of_somebody_else() -> None:
    with pytest.raises(ValueError, match=r"should be .*, keystone:NAME, certificate:NAME$"):
        check_who("token:alice")


@pytest.mark.parametrize("word", ["method:", "method:token", "method:htpaswd"])
def test_methods_that_there_are_not(word: str) -> None:
    with pytest.raises(ValueError, match="should be method:htpasswd or method:keystone or "):
        check_who(word)


@pytest.mark.parametrize(
    "pattern", ["", "{name}/**", "{user}**", "*{user}/**", "{user", "UP/**", "a/**/{user}"]
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match="should be a repository name") as caught:
        check_pattern(pattern)
    assert repr(pattern) in str(caught.value)


def test_what_no_rule_gives_is_denied() -> None:
    assert may(Policy([]), ALICE, "team/app") == set()
    policy = Policy([rule("user:alice", "team/**", "push")])
    assert may(policy, BOB, "team/app") == set()
    assert may(policy, ANONYMOUS, "team/app") == set()
    assert may(policy, ALICE, "teams/app") == set()


@pytest.mark.parametrize(
    ("given_", "implied"),
    [
        ("pull", {"pull"}),
        ("push", {"pull", "push"}),
        ("delete", {"delete"}),
        ("admin", {"pull", "push", "delete", "admin"}),
    ],
)
def test_what_comes_with_an_action(given_: str, implied: set[str]) -> None:
    assert may(Policy([rule("any-user", "**", given_)]), BOB, "x") == implied


def test_the_most_specific_rule_decides_whatever_the_order() -> None:
    rules = [
        rule("any-user", "**", "pull"),
        rule("any-user", "team/**", "push"),
        rule("any-user", "team/secret/**"),
        rule("user:bob", "team/secret/app", "pull"),
    ]
    for policy in (Policy(rules), Policy(reversed(rules))):
        assert may(policy, BOB, "x") == {"pull"}
        assert may(policy, BOB, "team/app") == {"pull", "push"}
        assert may(policy, BOB, "team/secret/other") == set()
        assert may(policy, BOB, "team/secret/app") == {"pull"}
        assert may(policy, ALICE, "team/secret/app") == set()


def test_equally_specific_rules_decide_together() -> None:
    policy = Policy(
        [
            rule("group:dev", "team/**", "pull"),
            rule("role:member", "team/**", "delete"),
            rule("any-user", "team/**"),
        ]
    )
    assert may(policy, ALICE, "team/app") == {"pull", "delete"}
    assert may(policy, BOB, "team/app") == set()


@pytest.mark.parametrize(
    ("pattern", "repository", "allowed"),
    [
        ("{user}/**", "alice/x", True),
        ("{user}/**", "alice", True),
        ("{user}/**", "bob/x", False),
        ("{project}/**", "acme/web/x", True),
        ("{project}/**", "acme/x", False),
        ("{domain}/{user}/*", "corp/alice/x", True),
        ("home-{user}", "home-alice", True),
    ],
)
def test_placeholders(pattern: str, repository: str, allowed: bool) -> None:
    assert bool(may(Policy([rule("any-user", pattern, "pull")]), ALICE, repository)) is allowed


@pytest.mark.parametrize(
    "name", ["", "*", "**", "a/b", "Alice", "alice@Corp", "..", "a*", "{project}", "alice\n", "é"]
)
def test_a_name_that_could_not_be_in_a_repository_s_fills_no_placeholder(name: str) -> None:
    policy = Policy([rule("any-user", "{user}/**", "admin"), rule("any-user", "**", "pull")])
    identity = Identity("keystone", name, project="acme")
    for repository in ("a/b", "a", "alice/x", "acme/x", "project/x"):
        assert may(policy, identity, repository) == {"pull"}


def test_who_has_no_project_gets_none() -> None:
    policy = Policy([rule("any-user", "{project}/**", "admin")])
    assert policy.selection(BOB, Action.PULL).is_nothing
    assert policy.selection(ANONYMOUS, Action.PULL).is_nothing


def test_rights_are_those_of_the_present_groups() -> None:
    policy = Policy([rule("group:dev", "**", "push")])
    assert may(policy, ALICE, "x") == {"pull", "push"}
    later = Identity.from_claims({**ALICE.to_claims(), "groups": []})
    assert may(policy, later, "x") == set()
    assert may(policy, ALICE, "x") == {"pull", "push"}


def test_selections_are_kept_and_bounded() -> None:
    policy = Policy([rule("any-user", "{user}/**", "pull")])
    assert policy.selection(ALICE, Action.PULL) is policy.selection(ALICE, Action.PULL)
    assert policy.selection(ALICE, Action.PUSH) is not policy.selection(ALICE, Action.PULL)
    for number in range(SELECTIONS + 10):
        policy.selection(Identity("token", f"u{number}"), Action.PULL)
    assert policy._selections.cache_info().currsize == SELECTIONS


WHO = st.sampled_from(["any-user", "user:bob", "user:alice", "group:dev", "everybody", "anonymous"])
PATTERNS = st.sampled_from(
    ["**", "*", "a/**", "a/b", "a/*", "*/b", "{user}/**", "{project}/**", "a/{user}", "bob/x"]
)
RULES = st.lists(
    st.builds(rule, WHO, PATTERNS, st.sampled_from(["pull", "push", "delete", "admin"]))
    | st.builds(rule, WHO, PATTERNS),
    max_size=8,
)
NAMES = st.sampled_from(
    ["a", "a/b", "a/bob", "a/b/c", "bob/x", "bob", "alice/x", "acme/web/y", "z"]
)


@given(RULES, st.sampled_from([ALICE, BOB, ANONYMOUS]), NAMES)
def test_the_rules_that_are_said_to_decide_do(
    rules: list[Rule], identity: Identity, name: str
) -> None:
    policy, repository = Policy(rules), RepositoryName(name)
    deciding = policy.deciding(identity, repository)
    for action in Action:
        allowed = any(one.gives(action) for one in deciding)
        assert policy.may(identity, action, repository) is allowed
    actions = may(policy, identity, name)
    assert "push" not in actions or "pull" in actions
    assert "admin" not in actions or len(actions) == len(Action)
    # What has nothing to do with the name, or the identity, makes no difference.
    others = [one for one in rules if one.is_about(identity)]
    assert may(Policy(others), identity, name) == actions


@given(RULES, st.sampled_from([ALICE, BOB, ANONYMOUS]), NAMES)
def test_an_explanation_names_rules_that_are_so(
    rules: list[Rule], identity: Identity, name: str
) -> None:
    policy, repository = Policy(rules), RepositoryName(name)
    for explanation in explain(policy, identity, repository):
        assert explanation.allowed is policy.may(identity, explanation.action, repository)
        for number, one in explanation.rules:
            assert policy.rules[number - 1] == one
            assert one.gives(explanation.action) is explanation.allowed
        assert explanation.rules or not explanation.allowed
