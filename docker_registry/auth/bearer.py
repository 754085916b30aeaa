"""Bearer tokens that come with requests: whoever has issued them."""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from docker_registry.auth.access import Scope
from docker_registry.auth.identity import Identity
from docker_registry.auth.jws import Token
from docker_registry.errors import TokenInvalid

#: Of how many good tokens a process remembers what they say.
ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class Verified:
    """What a good token says.

    :ivar issuer: who has issued it.
    :ivar basis: what it was found good by, for ``TokenReader.trusts``.
    :ivar until: when it is over, in seconds since the epoch.
    """

    issuer: str
    identity: Identity
    scopes: tuple[Scope, ...]
    basis: object
    until: float


class TokenReader(ABC):
    """Tells whether tokens of one issuer are good. Safe to use from many threads.

    :ivar issuer: what the claim ``iss`` says.
    """

    issuer: str

    @abstractmethod
    def verify(self, token: Token) -> Verified:
        """Give what a token says; ``TokenInvalid`` if it isn't good."""

    @abstractmethod
    def trusts(self, verified: Verified) -> bool:
        """Tell whether a token was found good by what is still trusted. Quick."""


class BearerTokens:
    """Reads tokens by the issuer that they name, and remembers which were good.

    What it remembers belongs to this process, and is only a shortcut: a signature isn't checked
    with each request. Tokens are not kept, but a hash of each.

    :param entries: how many to remember, least recently found good first out.
    """

    def __init__(self, readers: Sequence[TokenReader], entries: int = ENTRIES) -> None:
        self._readers = {reader.issuer: reader for reader in readers}
        self._entries = entries
        self._good: OrderedDict[bytes, Verified] = OrderedDict()
        self._lock = Lock()

    def read(self, text: str) -> Verified:
        """Give what a token says.

        :raises TokenInvalid: it isn't good, or of an issuer who isn't known.
        :raises IdentityUnavailable: the keys of the issuer can't be fetched.
        :raises StorageError: nor can ours, from the storage.
        """
        good = self.recall(text)
        if good is not None:
            return good
        token = Token(text)
        reader = self._readers.get(token.issuer)
        if reader is None:
            raise TokenInvalid("the token is of an issuer that is not known here")
        verified = reader.verify(token)
        self._remember(text, verified)
        return verified

    def recall(self, text: str) -> Verified | None:
        """Give what a token says that was found good before and still is, asking nobody."""
        good = self._good.get(_name(text))
        if good and good.until > time.time() and self._readers[good.issuer].trusts(good):
            return good
        return None

    def _remember(self, text: str, verified: Verified) -> None:
        name = _name(text)
        with self._lock:
            self._good[name] = verified
            self._good.move_to_end(name)
            if len(self._good) > self._entries:
                self._good.popitem(last=False)


def _name(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
