"""A policy file of oslo.policy: what somebody may do in the repositories of his project.

It is evaluated once a login, when Keystone has said everything about the user: by the names and
ids that the files of OpenStack's services use. What it gives becomes groups of the identity, and
``FILE_RULES`` gives the members of those groups what they are called by. So lists of repositories
are chosen by the same rules as everything else.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from docker_registry.auth.keystone.scope import Grant
from docker_registry.auth.policy import Action, Rule
from docker_registry.errors import ConfigError

if TYPE_CHECKING:
    from oslo_policy.policy import Enforcer

_KEY = "auth_keystone.policy_file (AUTH_KEYSTONE_POLICY_FILE)"
_PREFIX = "registry:"
#: What holds where the file says nothing: the same as without a file.
_DEFAULTS = {
    "registry:pull": "role:reader or role:member or role:admin",
    "registry:push": "role:member or role:admin",
    "registry:delete": "role:member or role:admin",
    "registry:admin": "role:admin",
}
_REFERENCE = re.compile(r"\brule:([^\s()]+)")

#: What the groups may do that ``PolicyFile.allowed`` gives.
FILE_RULES = tuple(
    Rule((f"group:{_PREFIX}{action}",), "{project}/**", frozenset({action})) for action in Action
)


class PolicyFile:
    """The rules of a file.

    :param enforcer: has them.
    """

    def __init__(self, enforcer: Enforcer) -> None:
        self._enforcer = enforcer

    def allowed(self, grant: Grant) -> frozenset[str]:
        """Give the names of the rules by which somebody may do something in his project."""
        if grant.project is None:
            return frozenset()
        own = {
            "user_id": grant.user_id,
            "project_id": grant.project.id,
            "project_name": grant.project.name,
            "project_domain_id": grant.project.domain_id,
        }
        # By the names of oslo.context, and the old one of a project.
        who = {
            **own,
            "tenant": grant.project.id,
            "user_domain_id": grant.domain_id,
            "user_name": grant.user,
            "user_domain_name": grant.domain,
            "project_domain_name": grant.project.domain,
            "roles": sorted(grant.roles),
        }
        return frozenset(name for name in _DEFAULTS if self._enforcer.enforce(name, own, dict(who)))


def read(path: str) -> PolicyFile:
    """Read a file, YAML or JSON.

    :raises ConfigError: it can't be used, or oslo.policy isn't installed.
    """
    try:
        from oslo_config.cfg import ConfigOpts  # noqa: PLC0415 - an extra.
        from oslo_policy.policy import Enforcer, Rules  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            f"{_KEY} needs oslo.policy ({error}): pip install 'docker-registry[oslo]'"
        ) from error
    texts = _needed(path)
    checks: dict[str, Any] = {}
    for name, text in texts.items():
        with _complaints() as complaints:
            checks |= Rules.from_dict({name: text.check})
        # The library would go on with a part that is never fulfilled, and `not` makes that always.
        if complaints:
            raise _problem(path, text.line, f"{name} can't be read: {complaints[0]}")
    options = ConfigOpts()
    options([], project="docker-registry", default_config_files=[], default_config_dirs=[])
    return PolicyFile(Enforcer(options, rules=checks, use_conf=False))


@dataclass(frozen=True)
class _Text:
    check: str
    line: int = 0


def _needed(path: str) -> dict[str, _Text]:
    """Give our rules and those that they name. The file may have others, as of other services."""
    texts = {name: _Text(check) for name, check in _DEFAULTS.items()} | _entries(path)
    needed: dict[str, _Text] = {}

    def visit(name: str, of: tuple[str, ...]) -> None:
        if name in of:
            raise _problem(path, texts[name].line, f"{name} leads back to itself")
        if name not in texts:
            raise _problem(path, texts[of[-1]].line, f"{of[-1]} names rule:{name}: there is none")
        if name not in needed:
            for named in _REFERENCE.findall(texts[name].check):
                visit(named, (*of, name))
            needed[name] = texts[name]

    for name, text in texts.items():
        if name.startswith(_PREFIX):
            if name not in _DEFAULTS:
                known = ", ".join(_DEFAULTS)
                raise _problem(path, text.line, f"{name} means nothing here: there are {known}")
            visit(name, ())
    return needed


def _entries(path: str) -> dict[str, _Text]:
    """Read names, checks and lines."""
    try:
        root = yaml.compose(Path(path).read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{_KEY}: {path} can't be read ({error})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or "it can't be read"
        raise _problem(path, mark.line + 1 if mark else 0, f"it is no YAML ({why})") from error
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise _problem(path, 1, "it should be names and their rules, such as `registry:pull: ...`")
    entries: dict[str, _Text] = {}
    for name, check in root.value:
        line = name.start_mark.line + 1
        if not isinstance(name, yaml.ScalarNode) or not isinstance(check, yaml.ScalarNode):
            raise _problem(path, line, "a name and its rule should be text")
        if name.value in entries:
            raise _problem(path, line, f"{name.value} is there twice")
        entries[name.value] = _Text(check.value, line)
    return entries


def _problem(path: str, line: int, what: str) -> ConfigError:
    return ConfigError(
        f"{_KEY}: {path}, line {line}: {what}" if line else f"{_KEY}: {path}: {what}"
    )


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Give what oslo.policy complains of in the block: it only logs."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, listener = logging.getLogger("oslo_policy"), Listener(logging.ERROR)
    before = logger.propagate
    logger.addHandler(listener)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(listener)
        logger.propagate = before
