"""The example of rules does what the page says, and its patterns mean what it says."""

from __future__ import annotations

import re

import pytest
import yaml

from docker_registry.auth import rules
from docker_registry.auth.identity import ANONYMOUS, Identity
from docker_registry.auth.policy import KINDS, METHODS, Action, check_who
from docker_registry.config import Settings
from docker_registry.registry.names import RepositoryName
from docker_registry.registry.write_once import WriteOnce
from tests.tools import CHECKOUT

PAGE = (CHECKOUT / "docs/auth/policy.md").read_text()
EXAMPLES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
FOLLOWS = re.findall(r"^\| (\w+) \| `([a-z/]+)` \| ([a-z, ]+) \|$", PAGE, re.MULTILINE)


def identity(name: str) -> Identity:
    if name == "anonymous":
        return ANONYMOUS
    return Identity("htpasswd", name, frozenset({"dev"} if name == "alice" else ()))


@pytest.mark.parametrize(("who", "repository", "may"), FOLLOWS)
def test_what_follows(who: str, repository: str, may: str) -> None:
    policy = rules.read(Settings(auth=["htpasswd"], **EXAMPLES[0]))
    name = RepositoryName.parse(repository)
    actions = [action for action in Action if policy.may(identity(who), action, name)]
    assert (", ".join(actions) or "nothing") == may


def test_the_table_is_read() -> None:
    assert len(FOLLOWS) == 12
    assert {may for _, _, may in FOLLOWS} >= {"nothing", "pull"}


def test_every_word_is_described() -> None:
    described = re.findall(r"`([a-z-]+:NAME|method:[a-z]+|anonymous|any-user|everybody)`", PAGE)
    kinds = {*KINDS, *METHODS} - {"method"}
    words = {f"{kind}:NAME" for kind in kinds} | {f"method:{name}" for name in METHODS}
    assert words < set(described)
    assert all(map(check_who, described))


def test_tags_that_are_written_once() -> None:
    once = WriteOnce.read(EXAMPLES[1]["write_once"])
    assert once.covers("team/app", "v1") and once.covers("any", "1.2")
    assert not once.covers("any", "v1") and not once.covers("any", "latest")
