"""What a way to tell who somebody is has to offer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from docker_registry.auth.identity import Identity


@dataclass(frozen=True, slots=True)
class Password:
    """A user name and a password, as HTTP's Basic scheme carries them (RFC 7617)."""

    user: str
    secret: str = field(repr=False)


class Method(ABC):
    """A way to tell by a password who somebody is. Safe to use from many threads.

    Making one touches no network and no storage.

    :cvar name: as ``auth`` in the settings has it.
    """

    name: ClassVar[str]

    @abstractmethod
    def log_in(self, password: Password) -> Identity | None:
        """Give who that is; ``None`` if this method doesn't find the credentials good.

        :raises IdentityUnavailable: it can't be told now.
        :raises Unauthorized: the user name can't be one: the message says how it is written.
        """

    def recall(self, password: Password) -> Identity | None:
        """Give who that is, if this method found the credentials good lately: at once, or ``None``.

        All methods are asked this before one is asked to log in, which may take long.
        """
        return None

    @abstractmethod
    def renew(self, identity: Identity) -> Identity | None:
        """Give the present state of somebody who logged in by this method earlier.

        ``None`` if the credentials of then are no longer good, or it can't be told without them.

        :raises IdentityUnavailable: it can't be told now.
        """

    @property
    def renewable(self) -> bool:
        """Whether ``renew`` can tell: only then refresh tokens are given."""
        return True

    def check_files(self) -> None:  # noqa: B027 - most have none.
        """Look at the files that the settings name, asking nobody. Raises ``ConfigError``."""

    def check(self) -> None:
        """Find out at the start whether logging in will work. Raises ``ConfigError``."""
        self.check_files()
