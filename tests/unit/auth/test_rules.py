"""The rules of the settings, and those that hold where there are none."""

from __future__ import annotations

import pytest

from docker_registry.auth import load, rules
from docker_registry.auth.identity import ANONYMOUS, Identity
from docker_registry.auth.policy import Action
from docker_registry.config import Settings
from docker_registry.errors import ConfigError
from docker_registry.registry.names import RepositoryName
from tests.unit.auth.test_policy import BOB, may

ALL_BUT_ADMIN = {"pull", "push", "delete"}


@pytest.mark.parametrize(
    ("identity", "repository", "expected"),
    [
        (ANONYMOUS, "x", set()),
        (Identity("htpasswd", "bob"), "x/y", ALL_BUT_ADMIN),
        (Identity("certificate", "ci"), "x/y", ALL_BUT_ADMIN),
        (Identity("keystone", "eve"), "x", set()),
        (Identity("keystone", "eve", roles=frozenset({"member"})), "acme/x", set()),
        (
            Identity("keystone", "r", roles=frozenset({"reader"}), project="acme"),
            "acme/x",
            {"pull"},
        ),
        (Identity("keystone", "r", roles=frozenset({"reader"}), project="acme"), "other/x", set()),
        (
            Identity("keystone", "m", roles=frozenset({"member"}), project="acme"),
            "acme/x/y",
            ALL_BUT_ADMIN,
        ),
        (
            Identity("keystone", "a", roles=frozenset({"admin"}), project="acme"),
            "acme",
            {*ALL_BUT_ADMIN, "admin"},
        ),
        (Identity("keystone", "a", roles=frozenset({"admin"}), project="acme"), "other/x", set()),
    ],
)
def test_what_holds_without_rules(identity: Identity, repository: str, expected: set[str]) -> None:
    assert may(rules.read(Settings(auth=["htpasswd"])), identity, repository) == expected


def test_rules_replace_what_would_hold_without() -> None:
    policy = rules.read(
        Settings(
            auth="htpasswd", policy="[{who: 'user:bob, group:x', repositories: a/**, may: pull}]"
        )
    )
    assert may(policy, BOB, "a/x") == {"pull"}
    assert may(policy, BOB, "b") == set()
    assert not policy.may(Identity("htpasswd", "al"), Action.PULL, RepositoryName("a"))


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"who": ["alice"], "repositories": "**", "may": ["pull"]}, "'alice' should be anonymous"),
        ({"who": [], "repositories": "**", "may": ["pull"]}, "who names nobody"),
        ({"who": ["user:a"], "repositories": "a**", "may": ["pull"]}, "'a\\*\\*' should be a repo"),
    ],
)
def test_a_wrong_rule_stops_the_start(given: dict[str, object], problem: str) -> None:
    right = {"who": ["any-user"], "repositories": "x", "may": []}
    settings = Settings(auth=["htpasswd"], policy=[right, given])
    with pytest.raises(ConfigError, match=rf"^policy \(POLICY\), rule 2: .*{problem}"):
        rules.read(settings)


def test_rules_that_nobody_would_be_asked_for_stop_the_start() -> None:
    rule = {"who": ["any-user"], "repositories": "x", "may": []}
    with pytest.raises(ConfigError, match=r"policy \(POLICY\) .* without auth \(AUTH\)"):
        load(Settings(policy=[rule]))
