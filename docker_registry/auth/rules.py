"""The rules of the settings, and those that hold where there are none."""

from __future__ import annotations

from docker_registry.auth.keystone.oslo import FILE_RULES
from docker_registry.auth.policy import Action, Policy, Rule, check_pattern, check_who
from docker_registry.config import Settings
from docker_registry.errors import ConfigError

_ALL_BUT_ADMIN = frozenset({Action.PULL, Action.PUSH, Action.DELETE})

_OF_FILES = Rule(("method:htpasswd", "method:certificate"), "**", _ALL_BUT_ADMIN)

#: What holds where ``policy`` says nothing: who is listed in a file of the operator is trusted, and
#: a user of OpenStack is what his roles in his project say.
DEFAULT = Policy(
    [
        _OF_FILES,
        Rule(("role:reader",), "{project}/**", frozenset({Action.PULL})),
        Rule(("role:member",), "{project}/**", _ALL_BUT_ADMIN),
        Rule(("role:admin",), "{project}/**", frozenset({Action.ADMIN})),
    ]
)


def read(settings: Settings) -> Policy:
    """Give the rules. Raises ``ConfigError``, which names the rule, the key and the mend."""
    by_file = FILE_RULES if settings.auth_keystone.policy_file else ()
    if not settings.policy:
        return Policy([_OF_FILES, *by_file]) if by_file else DEFAULT
    if not settings.auth:
        raise ConfigError(
            "policy (POLICY) has rules, but without auth (AUTH) nobody is asked who he is and "
            "everybody may do everything: say how to tell, such as htpasswd, or remove the rules"
        )
    rules = list(by_file)
    for number, given in enumerate(settings.policy, start=1):
        try:
            who = tuple(check_who(word) for word in given.who)
            pattern = check_pattern(given.repositories)
        except ValueError as error:
            raise ConfigError(f"policy (POLICY), rule {number}: {error}") from error
        if not who:
            raise ConfigError(f"policy (POLICY), rule {number}: who names nobody")
        rules.append(Rule(who, pattern, frozenset(map(Action, given.may))))
    return Policy(rules)
