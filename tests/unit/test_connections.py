"""How many connections a worker takes at a time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from docker_registry import connections
from docker_registry.connections import MOST_AT_ONCE, PAUSE_SECONDS, REST_SECONDS, RESTS, Turns


class Clock(SimpleNamespace):
    """A clock that is put forward by hand."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(connections, "time", clock)
    return clock


def turn(turns: Turns, clock: Clock) -> int:
    """Take a turn as soon as may be, and give how many it takes."""
    assert not turns.is_resting()
    turns.begin()
    turns.rest()
    assert turns.is_resting()
    clock.now += REST_SECONDS
    return turns.number


def test_a_few_are_taken_one_by_one(clock: Clock) -> None:
    turns = Turns()
    assert [turn(turns, clock) for _ in range(RESTS)] == [1] * RESTS


def test_of_thousands_more_and_more_are_taken_at_a_time(clock: Clock) -> None:
    turns = Turns()
    numbers = [turn(turns, clock) for _ in range(10 * RESTS)]
    assert numbers[RESTS : 3 * RESTS] == [2] * RESTS + [4] * RESTS
    assert numbers[-1] == max(numbers) == MOST_AT_ONCE
    assert sum(numbers[: 7 * RESTS]) > 1000


def test_behind_a_pause_they_are_few_again(clock: Clock) -> None:
    turns = Turns()
    assert max(turn(turns, clock) for _ in range(3 * RESTS)) > 1
    clock.now += PAUSE_SECONDS + 0.001
    assert turn(turns, clock) == 1


def test_when_there_were_no_more_too(clock: Clock) -> None:
    turns = Turns()
    assert max(turn(turns, clock) for _ in range(3 * RESTS)) > 1
    turns.start_over()
    assert [turn(turns, clock) for _ in range(RESTS)] == [1] * RESTS
