"""Who is asking: all ways to tell, in the order of the settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from docker_registry.auth.access import Access, PolicyAccess
from docker_registry.auth.identity import ANONYMOUS, Identity
from docker_registry.auth.method import Method, Password
from docker_registry.auth.policy import Policy
from docker_registry.auth.throttle import Throttle
from docker_registry.errors import IdentityUnavailable


@dataclass(frozen=True)
class Authority:
    """What a registry with authentication asks.

    :ivar methods: for passwords, in the order in which they are tried.
    :ivar throttle: is asked before they are.
    """

    policy: Policy
    methods: Sequence[Method]
    throttle: Throttle = field(default_factory=Throttle)

    def log_in(self, password: Password) -> Identity | None:
        """Give who somebody is, by the first method that knows him; ``None`` if none does.

        :raises IdentityUnavailable: none knows him, and one can't be asked now.
        """
        unavailable = None
        for method in self.methods:
            try:
                identity = method.log_in(password)
            except IdentityUnavailable as error:
                unavailable = error
                continue
            if identity is not None:
                return identity
        if unavailable is not None:
            raise unavailable
        return None

    def recall(self, password: Password) -> Identity | None:
        """Give who somebody is, if a method found that lately and knows it at once."""
        recalled = (method.recall(password) for method in self.methods)
        return next((identity for identity in recalled if identity is not None), None)

    def check(self) -> None:
        """Find out at the start whether logging in will work. Raises ``ConfigError``."""
        for method in self.methods:
            method.check()

    def access(self, identity: Identity = ANONYMOUS) -> Access:
        """Give what the rules let somebody do."""
        return PolicyAccess(identity, self.policy)
