"""Who is asking, and what he may do: everything but HTTP."""

from collections.abc import Callable

from docker_registry.auth import rules, throttle, tokens
from docker_registry.auth.authority import Authority
from docker_registry.auth.htpasswd import HtpasswdMethod
from docker_registry.auth.method import Method
from docker_registry.auth.policy import Policy
from docker_registry.config import Settings
from docker_registry.drivers.base import Driver

__all__ = ["Authority", "create", "load"]

#: The ways to tell by a password who somebody is, by their name in ``auth``.
METHODS: dict[str, Callable[[Settings], Method]] = {HtpasswdMethod.name: HtpasswdMethod}


def create(settings: Settings, driver: Driver) -> Authority | None:
    """Give what is asked by the settings; ``None`` if there is no authentication.

    :param driver: the store, where keys for tokens are kept.
    :raises ConfigError: a setting can't be used.
    """
    policy, methods = load(settings)
    if not settings.auth:
        return None
    issued = tokens.issued(settings, driver)
    return Authority(
        policy,
        methods,
        throttle.create(settings),
        issued,
        tokens.bearers(settings, issued),
        tokens.of_index(issued),
    )


def load(settings: Settings) -> tuple[Policy, list[Method]]:
    """Give the rules and the ways to log in, without asking anybody.

    :raises ConfigError: a setting can't be used.
    """
    methods = [METHODS[name](settings) for name in settings.auth if name in METHODS]
    return rules.read(settings), methods
