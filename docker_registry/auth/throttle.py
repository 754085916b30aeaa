"""Limits on failed logins, so that passwords can't be guessed by trying.

Failures are counted by address, and by address and user. There is no count of a user's failures
from everywhere: whoever knows a name could lock its owner out by it. As long as a count is at its
limit no login is tried, and what comes meanwhile is not counted, so that a lock ends by itself.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from weakref import WeakValueDictionary

from limits import RateLimitItem, RateLimitItemPerSecond

from docker_registry.auth import counters
from docker_registry.auth.counters import Counters
from docker_registry.config import LoginLimits, Settings
from docker_registry.errors import IdentityUnavailable, TooManyRequests

log = logging.getLogger(__name__)

#: Seconds for which a login waits for another one of the same user from the same address.
TURN_SECONDS = 10.0
#: Of an IPv6 address so many bits count: one customer gets all addresses that begin with them
#: (RFC 6177; RFC 4291, section 2.5.4).
_IPV6_BITS = 64
#: Where clients have no address, as behind a Unix socket, they count as one.
_NOWHERE = "nowhere"


class Attempt:
    """A login that is about to be tried.

    :param counts: limits, and what counts against each.
    :param turn: held while the login is tried.
    """

    def __init__(
        self, counters: Counters, counts: Sequence[tuple[RateLimitItem, str]], turn: Lock
    ) -> None:
        self._counters = counters
        self._counts = counts
        self._turn = turn

    def check(self) -> None:
        """Raise ``TooManyRequests`` if too many failed."""
        wait = max((self._counters.wait(*count) for count in self._counts), default=0)
        if wait:
            raise TooManyRequests(f"too many logins have failed: try again in {wait} seconds", wait)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for others of the same user from the same address, and let none begin meanwhile.

        So no more are tried at once than may fail, and of requests that come at once with one
        password the first finds it good for all.

        :raises IdentityUnavailable: another one takes too long.
        """
        if not self._turn.acquire(timeout=TURN_SECONDS):
            raise IdentityUnavailable("another login of this user takes its time: try again later")
        try:
            yield
        finally:
            self._turn.release()

    def failed(self) -> None:
        """Count it: the password was not good."""
        for limit, key in self._counts:
            self._counters.add(limit, key)
            wait = self._counters.wait(limit, key)
            if wait:
                log.warning(
                    "%s: %d logins have failed: more are refused for %d s",
                    key.partition(" ")[0],
                    limit.amount,
                    wait,
                )

    def succeeded(self) -> None:
        """Forget failures of the user from there, but not those of others."""
        for limit, key in self._counts:
            if limit.namespace == _USER:
                self._counters.clear(limit, key)


_ADDRESS, _USER = "address", "user"


class Throttle:
    """Counts failed logins. Safe to use from many threads.

    :param limits: how many, and for how long.
    """

    def __init__(self, limits: LoginLimits | None = None, counts: Counters | None = None) -> None:
        limits = limits or LoginLimits()
        self._counters = counts or counters.Stored()
        self._limits = [
            RateLimitItemPerSecond(amount, limits.seconds, namespace)
            for amount, namespace in ((limits.per_address, _ADDRESS), (limits.per_user, _USER))
            if amount
        ]
        self._turns: WeakValueDictionary[str, Lock] = WeakValueDictionary()
        self._turns_lock = Lock()

    def attempt(self, address: str | None, user: str) -> Attempt:
        """Give a login that is about to be tried.

        :param address: of the client; ``None`` if it has none.
        """
        network = network_of(address)
        # Not the name itself: some type their password into its field, and Redis is for all nodes.
        name = hashlib.sha256(user.encode(errors="surrogatepass")).hexdigest()
        keys = {_ADDRESS: network, _USER: f"{network} {name}"}
        counts = [(limit, keys[limit.namespace]) for limit in self._limits]
        return Attempt(self._counters, counts, self._turn(keys[_USER]))

    def _turn(self, key: str) -> Lock:
        with self._turns_lock:
            return self._turns.setdefault(key, Lock())


def network_of(address: str | None) -> str:
    """Give what a client can't easily change of its address."""
    if not address:
        return _NOWHERE
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed), _IPV6_BITS), strict=False))
    return str(parsed)


def create(settings: Settings) -> Throttle:
    """Give a throttle by ``auth_limits``, which counts in Redis where ``cache`` names one.

    :raises ConfigError: Redis can't be used.
    """
    return Throttle(settings.auth_limits, counters.create(settings))
