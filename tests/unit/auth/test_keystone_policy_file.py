"""A policy file of oslo.policy: what it gives, and what stops the start."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from docker_registry.auth import rules
from docker_registry.auth.identity import Identity
from docker_registry.auth.keystone.oslo import read
from docker_registry.auth.keystone.scope import Grant, Project
from docker_registry.auth.policy import Action
from docker_registry.config import Settings
from docker_registry.errors import ConfigError
from docker_registry.registry.names import RepositoryName

WEB = Project("p-1", "web", "default", "Default")


def grant(*roles: str, project: Project | None = WEB, user_id: str = "u-1") -> Grant:
    return Grant(
        user_id, "alice", "default", "Default", project, frozenset(roles), None, False, 0.0
    )


def allowed(tmp_path: Path, text: str, *roles: str, **more: Any) -> set[str]:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    names = read(str(file)).allowed(grant(*roles, **more))
    return {name.removeprefix("registry:") for name in names}


ALL = {"pull", "push", "delete", "admin"}


@pytest.mark.parametrize(
    ("roles", "given"),
    [
        ((), set()),
        (("other",), set()),
        (("reader",), {"pull"}),
        (("member",), {"pull", "push", "delete"}),
        (("admin",), ALL),
    ],
)
@pytest.mark.parametrize("text", ["", "{}", "# nothing\n", '"compute:get": "rule:of_nova"'])
def test_an_empty_file_says_what_holds_without_one(
    tmp_path: Path, text: str, roles: tuple[str, ...], given: set[str]
) -> None:
    assert allowed(tmp_path, text, *roles) == given
    identity = Identity(method="keystone", name="alice", roles=frozenset(roles), project="web")
    repository = RepositoryName("web/app")
    assert {str(one) for one in Action if rules.DEFAULT.may(identity, one, repository)} == given


def test_a_file_in_json(tmp_path: Path) -> None:
    text = json.dumps({"registry:push": "role:ci", "registry:delete": "!", "registry:pull": "@"})
    assert allowed(tmp_path, text, "ci") == {"pull", "push"}
    assert allowed(tmp_path, text, "member") == {"pull"}


@pytest.mark.parametrize(
    ("check", "given"),
    [
        ("rule:team and not role:intern", True),
        ("project_id:%(project_id)s and role:member", True),
        ("project_id:p-1", True),
        ("project_id:p-2", False),
        ("tenant:p-1", True),
        ("user_id:u-1", True),
        ("user_id:%(user_id)s", True),
        ("user_domain_id:default", True),
        ("user_name:bob", False),
        ("role:MEMBER", True),
        ("roles:member", True),
        ("is_admin:True", False),
        ("project_id:%(unheard_of)s", False),
        ("'web':%(project_name)s", True),
        ("role:member and (user_id:u-2 or user_id:u-1)", True),
    ],
)
def test_the_names_that_files_of_openstack_use(tmp_path: Path, check: str, given: bool) -> None:
    text = f'"team": "role:member"\n"registry:push": "{check}"\n'
    assert ("push" in allowed(tmp_path, text, "member")) is given


def test_nothing_without_a_project(tmp_path: Path) -> None:
    assert allowed(tmp_path, '"registry:admin": "@"', project=None) == set()


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("'registry:pull': 'role:a'\n'registry:push: 'x'", 2, "no YAML"),
        ("a: [1", 1, "no YAML"),
        ("- registry:pull", 1, "names and their rules"),
        ("registry:pull", 1, "names and their rules"),
        ("'a': '@'\n'registry:pull': ['role:a']", 2, "should be text"),
        ("'a': '@'\n'registry:pul': 'role:a'", 2, "registry:pul means nothing"),
        ("'registry:pull': '@'\n'registry:pull': '!'", 2, "twice"),
        ("'registry:pull': 'role:a and ('", 1, "can't be read"),
        # Each of these would be fulfilled by everybody, if the library were left alone.
        ("'registry:pull': 'not member'", 1, "can't be read"),
        ("'registry:pull': 'not rule:a'\n'a': 'member'", 2, "can't be read"),
        ("'registry:pull': 'not rule:nowhere'", 1, "rule:nowhere: there is none"),
        ("\n'registry:pull': 'rule:a'\n'a': 'not rule:b'\n'b': 'rule:a'", 3, "back to itself"),
    ],
)
def test_a_broken_file_stops_the_start_with_the_line(
    tmp_path: Path, text: str, line: int, why: str
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read(str(file))
    said = str(caught.value)
    assert said.startswith(
        f"auth_keystone.policy_file (AUTH_KEYSTONE_POLICY_FILE): {file}, line {line}: "
    )
    assert why in said
    assert "\n" not in said


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"AUTH_KEYSTONE_POLICY_FILE.*No such file"):
        read(str(tmp_path / "policy.yaml"))


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "oslo_policy.policy", None)
    with pytest.raises(ConfigError, match=r"pip install 'docker-registry\[oslo\]'"):
        read(str(tmp_path / "policy.yaml"))


# What comes of it


def policy(**settings: Any) -> Any:
    return rules.read(Settings(auth_keystone={"policy_file": "policy.yaml"}, **settings))


def test_what_the_file_gives_holds_in_place_of_roles() -> None:
    pusher = Identity(
        "keystone", "alice", frozenset({"registry:pull"}), frozenset({"admin"}), project="web"
    )
    may = policy().may
    assert may(pusher, Action.PULL, RepositoryName("web/app"))
    assert may(pusher, Action.PULL, RepositoryName("web"))
    assert not may(pusher, Action.PUSH, RepositoryName("web/app"))
    assert not may(pusher, Action.PULL, RepositoryName("other/app"))
    assert not may(pusher, Action.PULL, RepositoryName("web2"))


def test_it_stands_beside_rules_for_other_repositories() -> None:
    both = policy(
        auth=["keystone"],
        policy=[
            {"who": ["any-user"], "repositories": "base/**", "may": ["pull"]},
            {"who": ["any-user"], "repositories": "web/secret", "may": []},
        ],
    )
    admin = Identity("keystone", "alice", frozenset({"registry:admin"}), project="web")
    assert both.may(admin, Action.DELETE, RepositoryName("web/app"))
    assert both.may(admin, Action.PULL, RepositoryName("base/os"))
    assert not both.may(admin, Action.PUSH, RepositoryName("base/os"))
    assert not both.may(admin, Action.PULL, RepositoryName("web/secret"))


def test_users_of_other_methods_are_none_of_its_business() -> None:
    user = Identity("htpasswd", "registry:admin", frozenset({"registry:pull"}))
    assert policy().may(user, Action.PUSH, RepositoryName("web/app"))
    assert not policy().may(user, Action.ADMIN, RepositoryName("web/app"))
