"""Counts of what happened within a time: in the memory of this process, or in Redis for all nodes.

A count begins with the first thing that is counted, and is forgotten as a whole when its time is
over.
"""

from __future__ import annotations

import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from limits import RateLimitItem
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.storage import Storage as LimitsStorage
from limits.strategies import FixedWindowRateLimiter

from docker_registry.config import Settings
from docker_registry.errors import ConfigError

log = logging.getLogger(__name__)

#: What keys of ours in Redis begin with.
PREFIX = "docker-registry"
#: Seconds for which Redis may not answer: a login waits for it.
REDIS_TIMEOUT = 0.5
#: Seconds for which a Redis that didn't answer isn't asked again.
REDIS_PAUSE = 10.0

_Result = TypeVar("_Result")


class Counters(ABC):
    """Counts, each with a limit of how much and for how long. Safe to use from many threads."""

    @abstractmethod
    def wait(self, limit: RateLimitItem, key: str) -> int:
        """Give the seconds until a count is below its limit again; 0 if it is."""

    @abstractmethod
    def add(self, limit: RateLimitItem, key: str) -> None:
        """Count one more."""

    @abstractmethod
    def clear(self, limit: RateLimitItem, key: str) -> None:
        """Forget what was counted."""


class Stored(Counters):
    """Counts in a storage of the library ``limits``; by default, in memory."""

    def __init__(self, storage: LimitsStorage | None = None) -> None:
        self._limiter = FixedWindowRateLimiter(storage or MemoryStorage())

    def wait(self, limit: RateLimitItem, key: str) -> int:
        """Ask the storage."""
        if self._limiter.test(limit, key):
            return 0
        reset = self._limiter.get_window_stats(limit, key).reset_time
        return max(1, math.ceil(reset - time.time()))

    def add(self, limit: RateLimitItem, key: str) -> None:
        """Tell the storage."""
        self._limiter.hit(limit, key)

    def clear(self, limit: RateLimitItem, key: str) -> None:
        """Tell the storage."""
        self._limiter.clear(limit, key)


class Shared(Counters):
    """Counts in Redis, and in memory as well, which are asked while Redis is away.

    So a Redis that is away locks nobody out, and lifts no limit: the process goes on by what it
    has seen itself.

    :param shared: raises ``limits.errors.StorageError`` if it can't be asked.
    """

    def __init__(self, shared: Counters, pause: float = REDIS_PAUSE) -> None:
        self._shared = shared
        self._own = Stored()
        self._pause = pause
        self._away_until: float | None = None

    def wait(self, limit: RateLimitItem, key: str) -> int:
        """Ask Redis, or else memory."""
        wait = self._ask(lambda: self._shared.wait(limit, key))
        return self._own.wait(limit, key) if wait is None else wait

    def add(self, limit: RateLimitItem, key: str) -> None:
        """Tell both."""
        self._own.add(limit, key)
        self._ask(lambda: self._shared.add(limit, key))

    def clear(self, limit: RateLimitItem, key: str) -> None:
        """Tell both."""
        self._own.clear(limit, key)
        self._ask(lambda: self._shared.clear(limit, key))

    def _ask(self, call: Callable[[], _Result]) -> _Result | None:
        if self._away_until is not None and time.monotonic() < self._away_until:
            return None
        try:
            result = call()
        except StorageError as error:
            if self._away_until is None:
                log.error(
                    "cache (CACHE_REDIS_HOST): %s: failed logins are counted by each process for "
                    "itself until Redis answers",
                    error.storage_error,
                )
            self._away_until = time.monotonic() + self._pause
            return None
        if self._away_until is not None:
            self._away_until = None
            log.warning("cache (CACHE_REDIS_HOST): Redis counts failed logins again")
        return result


def create(settings: Settings) -> Counters:
    """Give counters in the Redis of ``cache``, if it is set, or in memory. Asks no Redis yet.

    :raises ConfigError: the library for Redis is missing.
    """
    if not settings.cache.host:
        return Stored()
    try:
        return Shared(Stored(_redis(settings)))
    except (ConfigurationError, ImportError) as error:
        raise ConfigError(
            "cache.host (CACHE_REDIS_HOST) is set, but the library for Redis is missing: "
            "`pip install 'docker-registry[redis]'`, or remove the setting"
        ) from error


def _redis(settings: Settings) -> RedisStorage:
    # Here, since only who has the extra `redis` has it.
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    cache = settings.cache
    host = f"[{cache.host}]" if ":" in (cache.host or "") else cache.host
    # What redis.Redis takes, of which limits says that it is text or a number.
    options = {
        "password": cache.password.get_secret_value() if cache.password else None,
        "socket_connect_timeout": REDIS_TIMEOUT,
        "socket_timeout": REDIS_TIMEOUT,
        # A connection that Redis has closed meanwhile is worth a second try, at once.
        "retry": Retry(NoBackoff(), 1),
    }
    return RedisStorage(
        f"redis://{host}:{cache.port}/{cache.db}",
        key_prefix=PREFIX,
        wrap_exceptions=True,
        **options,  # type: ignore[arg-type]
    )
