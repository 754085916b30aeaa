"""Who is asking: all ways to tell, in the order of the settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from docker_registry.auth.access import Access, PolicyAccess, TokenAccess
from docker_registry.auth.bearer import BearerTokens, Verified
from docker_registry.auth.identity import ANONYMOUS, Identity
from docker_registry.auth.index_tokens import IndexTokens
from docker_registry.auth.issued import IssuedTokens
from docker_registry.auth.method import Method, Password
from docker_registry.auth.policy import Policy
from docker_registry.auth.throttle import Throttle
from docker_registry.errors import IdentityUnavailable, Unauthorized


@dataclass(frozen=True)
class Authority:
    """What a registry with authentication asks.

    :ivar methods: for passwords, in the order in which they are tried.
    :ivar throttle: is asked before they are.
    :ivar issued: the tokens of our own; ``None`` if there are none.
    :ivar bearers: reads tokens, those of others as well; ``None`` if there are none of either.
    :ivar index_tokens: those of V1, or ``None`` where there are none.
    """

    policy: Policy
    methods: Sequence[Method]
    throttle: Throttle = field(default_factory=Throttle)
    issued: IssuedTokens | None = None
    bearers: BearerTokens | None = None
    index_tokens: IndexTokens | None = None

    def log_in(self, password: Password) -> Identity | None:
        """Give who somebody is, by the first method that knows him; ``None`` if none does.

        :raises IdentityUnavailable: none knows him, and one can't be asked now.
        :raises Unauthorized: none knows him, and one can't read the user name.
        """
        unavailable: IdentityUnavailable | None = None
        unreadable: Unauthorized | None = None
        for method in self.methods:
            try:
                identity = method.log_in(password)
            except IdentityUnavailable as error:
                unavailable = error
                continue
            except Unauthorized as error:
                unreadable = error
                continue
            if identity is not None:
                return identity
        if unavailable is not None:
            raise unavailable
        if unreadable is not None:
            raise unreadable
        return None

    def recall(self, password: Password) -> Identity | None:
        """Give who somebody is, if a method found that lately and knows it at once."""
        recalled = (method.recall(password) for method in self.methods)
        return next((identity for identity in recalled if identity is not None), None)

    def check(self) -> None:
        """Find out at the start whether logging in will work. Raises ``ConfigError``."""
        for method in self.methods:
            method.check()

    def check_files(self) -> None:
        """Look at the files that the settings name, asking nobody. Raises ``ConfigError``."""
        for method in self.methods:
            method.check_files()

    def access(self, identity: Identity = ANONYMOUS) -> Access:
        """Give what the rules let somebody do."""
        return PolicyAccess(identity, self.policy)

    def token_access(self, bearers: BearerTokens, text: str) -> Access:
        """Give what a token lets its bearer do: for ours, no more than the rules do now.

        :raises TokenInvalid: it isn't good.
        :raises IdentityUnavailable: the keys of its issuer can't be fetched.
        :raises StorageError: nor can ours, from the storage.
        """
        return self._access_of(bearers.read(text))

    def recall_token(self, text: str) -> Access | None:
        """Give what ``token_access`` would, if the token was read before and is still good."""
        verified = self.bearers.recall(text) if self.bearers else None
        return None if verified is None else self._access_of(verified)

    def _access_of(self, verified: Verified) -> Access:
        ours = self.issued is not None and verified.issuer == self.issued.issuer
        holder = self.access(verified.identity) if ours else None
        return TokenAccess(verified.identity, verified.scopes, holder)

    def renew(self, identity: Identity) -> Identity | None:
        """Give the present state of somebody who logged in earlier; ``None`` if that is over.

        :raises IdentityUnavailable: it can't be told now.
        """
        method = self._method(identity)
        return method.renew(identity) if method else None

    def is_renewable(self, identity: Identity) -> bool:
        """Tell whether ``renew`` can tell."""
        method = self._method(identity)
        return method is not None and method.renewable

    def _method(self, identity: Identity) -> Method | None:
        return next((one for one in self.methods if one.name == identity.method), None)
