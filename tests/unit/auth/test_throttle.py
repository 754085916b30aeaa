from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from limits import RateLimitItemPerSecond

from docker_registry.auth import counters, throttle
from docker_registry.auth.counters import Shared, Stored
from docker_registry.auth.throttle import Attempt, Throttle, network_of
from docker_registry.config import LoginLimits, Settings
from docker_registry.errors import ConfigError, IdentityUnavailable, TooManyRequests
from tests.redis_server import RedisServer

LIMITS = LoginLimits(per_address=4, per_user=2, seconds=60)
ONE = RateLimitItemPerSecond(1, 60)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


def settings_for(redis: RedisServer) -> Settings:
    cache = {"host": "127.0.0.1", "port": redis.port, "password": redis.password}
    return Settings(cache=cache, auth_limits=LIMITS.model_dump())


@pytest.fixture(params=["memory", "redis"])
def guard(request: pytest.FixtureRequest) -> Throttle:
    if request.param == "memory":
        return Throttle(LIMITS)
    redis: RedisServer = request.getfixturevalue("redis")
    redis.client().flushall()
    return throttle.create(settings_for(redis))


def is_refused(attempt: Attempt) -> bool:
    try:
        attempt.check()
    except TooManyRequests:
        return True
    return False


def fail(guard: Throttle, address: str, user: str, times: int = 1) -> None:
    for _ in range(times):
        guard.attempt(address, user).failed()


def test_a_user_from_one_address(guard: Throttle) -> None:
    fail(guard, "10.0.0.1", "alice")
    assert not is_refused(guard.attempt("10.0.0.1", "alice"))
    fail(guard, "10.0.0.1", "alice")
    with pytest.raises(TooManyRequests) as refusal:
        guard.attempt("10.0.0.1", "alice").check()
    assert 50 <= refusal.value.seconds <= 60
    # Nobody else is locked out by it, nor the user elsewhere.
    assert not is_refused(guard.attempt("10.0.0.1", "bob"))
    assert not is_refused(guard.attempt("10.0.0.2", "alice"))


def test_an_address_that_tries_many_users(guard: Throttle) -> None:
    for user in "abcd":
        assert not is_refused(guard.attempt("10.0.0.1", "other"))
        fail(guard, "10.0.0.1", user)
    assert is_refused(guard.attempt("10.0.0.1", "other"))
    assert not is_refused(guard.attempt("10.0.0.2", "other"))


def test_a_success_forgets_failures_of_the_user_but_not_of_the_address(guard: Throttle) -> None:
    # Else whoever has an account could clear the count of his guesses for others.
    for _ in range(3):
        fail(guard, "10.0.0.1", "mallory")
        guard.attempt("10.0.0.1", "mallory").succeeded()
    assert not is_refused(guard.attempt("10.0.0.1", "alice"))
    fail(guard, "10.0.0.1", "mallory")
    guard.attempt("10.0.0.1", "mallory").succeeded()
    assert is_refused(guard.attempt("10.0.0.1", "alice"))


def test_a_lock_ends_by_itself() -> None:
    guard = Throttle(LoginLimits(per_address=0, per_user=1, seconds=1))
    fail(guard, "10.0.0.1", "alice")
    assert is_refused(guard.attempt("10.0.0.1", "alice"))
    time.sleep(1.1)
    assert not is_refused(guard.attempt("10.0.0.1", "alice"))


def test_no_limits() -> None:
    guard = Throttle(LoginLimits(per_address=0, per_user=0))
    fail(guard, "10.0.0.1", "alice", 1000)
    assert not is_refused(guard.attempt("10.0.0.1", "alice"))


def test_a_lock_is_logged_once_and_without_the_user(caplog: pytest.LogCaptureFixture) -> None:
    guard = Throttle(LIMITS)
    fail(guard, "10.0.0.1", "hunter2", 2)
    assert is_refused(guard.attempt("10.0.0.1", "hunter2"))
    [record] = caplog.records
    assert "10.0.0.1" in record.getMessage() and "hunter2" not in record.getMessage()


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "nowhere"),
        (None, "nowhere"),
        ("unknown", "unknown"),
    ],
)
def test_what_counts_as_one_address(address: str | None, network: str) -> None:
    assert network_of(address) == network


def test_logins_of_one_user_from_one_address_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "TURN_SECONDS", 0.05)
    guard = Throttle(LIMITS)
    with guard.attempt("10.0.0.1", "alice").turn():
        with guard.attempt("10.0.0.1", "bob").turn(), guard.attempt("10.0.0.2", "alice").turn():
            pass
        with pytest.raises(IdentityUnavailable), guard.attempt("10.0.0.1", "alice").turn():
            pass
    with guard.attempt("10.0.0.1", "alice").turn():
        pass
    assert not guard._turns


def test_guesses_that_come_at_once_are_no_more_than_may_fail() -> None:
    guard = Throttle(LIMITS)
    tried = []

    def guess() -> None:
        attempt = guard.attempt("10.0.0.1", "alice")
        with attempt.turn():
            if not is_refused(attempt):
                tried.append(1)
                time.sleep(0.01)
                attempt.failed()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tried) == LIMITS.per_user


def test_nodes_with_one_redis_count_together(redis: RedisServer) -> None:
    redis.client().flushall()
    first, second = (throttle.create(settings_for(redis)) for _ in range(2))
    fail(first, "10.0.0.1", "alice")
    fail(second, "10.0.0.1", "alice")
    assert is_refused(first.attempt("10.0.0.1", "alice"))
    assert is_refused(second.attempt("10.0.0.1", "alice"))
    keys = b" ".join(redis.client().keys("*"))
    assert b"alice" not in keys
    assert all(0 < redis.client().ttl(key) <= 60 for key in redis.client().keys("*"))


def test_redis_that_is_away_locks_nobody_out_and_lifts_no_limit(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer(tmp_path) as redis:
        shared = counters.create(settings_for(redis))
        assert isinstance(shared, Shared)
        shared._pause = 0.2
        guard = Throttle(LIMITS, shared)
        fail(guard, "10.0.0.1", "alice")
        redis.stop()
        assert not is_refused(guard.attempt("10.0.0.1", "alice"))
        # What failed while Redis was there counts as well.
        fail(guard, "10.0.0.1", "alice")
        assert is_refused(guard.attempt("10.0.0.1", "alice"))
        assert not is_refused(guard.attempt("10.0.0.2", "alice"))
        assert [record.levelno for record in caplog.records if "CACHE_REDIS" in record.msg] == [
            logging.ERROR
        ]
        assert redis.password not in caplog.text
        redis.start()
        time.sleep(0.25)
        assert not is_refused(guard.attempt("10.0.0.1", "alice"))  # A new Redis knows nothing.
        assert [record.levelno for record in caplog.records if "CACHE_REDIS" in record.msg] == [
            logging.ERROR,
            logging.WARNING,
        ]
        fail(guard, "10.0.0.1", "alice", 2)
        assert is_refused(throttle.create(settings_for(redis)).attempt("10.0.0.1", "alice"))


def test_redis_that_is_away_is_not_waited_for_each_time(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)  # Not started.
    shared = counters.create(settings_for(redis))
    began = time.monotonic()
    for _ in range(1000):
        assert shared.wait(ONE, "key") == 0
    assert time.monotonic() - began < 5


def test_a_redis_that_refuses_the_password_is_away(redis: RedisServer) -> None:
    wrong = Settings(cache={"host": "127.0.0.1", "port": redis.port, "password": "wrong"})
    shared = counters.create(wrong)
    shared.add(ONE, "key")
    assert shared.wait(ONE, "key") > 0


def test_without_the_library_redis_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.retry", None)
    with pytest.raises(ConfigError, match=r"CACHE_REDIS_HOST.*pip install"):
        counters.create(Settings(cache={"host": "127.0.0.1"}))


def test_without_a_host_it_is_counted_in_memory() -> None:
    assert isinstance(counters.create(Settings()), Stored)
