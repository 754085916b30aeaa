from __future__ import annotations

from docker_registry.auth.identity import Identity
from docker_registry.auth.method import Password
from docker_registry.auth.remembered import Remembered

ALICE = Password("alice", "secret")
IDENTITY = Identity("htpasswd", "alice", stamp="1")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_holds_for_its_time_and_not_longer() -> None:
    clock = Clock()
    remembered = Remembered(60, clock=clock)
    assert remembered.get(ALICE) is None
    remembered.put(ALICE, IDENTITY)
    clock.now += 59
    assert remembered.get(ALICE) == IDENTITY
    clock.now += 1
    assert remembered.get(ALICE) is None
    clock.now -= 30
    assert remembered.get(ALICE) is None


def test_only_exactly_what_was_put() -> None:
    remembered = Remembered(60)
    remembered.put(Password("ab", "c"), IDENTITY)
    for user, secret in (("a", "bc"), ("abc", ""), ("ab", "c "), ("AB", "c"), ("", "abc")):
        assert remembered.get(Password(user, secret)) is None


def test_the_oldest_is_let_go() -> None:
    remembered = Remembered(60, entries=2)
    for user in ("a", "b", "c"):
        remembered.put(Password(user, "x"), IDENTITY)
    held = [user for user in ("a", "b", "c") if remembered.get(Password(user, "x"))]
    assert held == ["b", "c"]


def test_nothing_is_remembered_for_no_time() -> None:
    remembered = Remembered(0)
    remembered.put(ALICE, IDENTITY)
    assert remembered.get(ALICE) is None


def test_what_is_no_longer_good_can_be_dropped() -> None:
    remembered = Remembered(60)
    remembered.put(ALICE, IDENTITY)
    remembered.drop(ALICE)
    remembered.drop(ALICE)
    assert remembered.get(ALICE) is None


def test_no_password_is_kept() -> None:
    remembered = Remembered(60)
    remembered.put(Password("alice", "hunter2hunter2"), IDENTITY)
    assert "hunter2" not in repr(vars(remembered))
    assert Remembered(60)._name(ALICE) != remembered._name(ALICE)
