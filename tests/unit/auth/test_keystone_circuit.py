"""A silent Keystone is not waited for by one request after the other."""

from __future__ import annotations

import pytest

from docker_registry.auth.keystone.circuit import Circuit, Silent


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make(clock: Clock) -> Circuit:
    return Circuit(silence=5, patience=10, failure=TimeoutError, clock=clock)


def fail(circuit: Circuit, error: Exception) -> None:
    with pytest.raises(type(error)), circuit.call():
        raise error


def test_calls_are_made_until_one_is_not_answered() -> None:
    clock = Clock()
    circuit = make(clock)
    for _ in range(3):
        with circuit.call():
            pass
    fail(circuit, TimeoutError())
    clock.now += 4
    with pytest.raises(Silent), circuit.call():
        pytest.fail("it was called")


def test_then_one_tries_while_the_others_still_wait() -> None:
    clock = Clock()
    circuit = make(clock)
    fail(circuit, TimeoutError())
    clock.now += 6
    with circuit.call(), pytest.raises(Silent), circuit.call():
        pytest.fail("two try")
    with circuit.call():
        pass


def test_it_is_silent_again_after_a_try_without_an_answer() -> None:
    clock = Clock()
    circuit = make(clock)
    fail(circuit, TimeoutError())
    clock.now += 6
    fail(circuit, TimeoutError())
    clock.now += 4
    with pytest.raises(Silent), circuit.call():
        pytest.fail("it was called")


@pytest.mark.parametrize("answer", [ValueError(), ConnectionRefusedError()])
def test_an_answer_of_any_kind_ends_it(answer: Exception) -> None:
    clock = Clock()
    circuit = make(clock)
    fail(circuit, answer)
    fail(circuit, TimeoutError())
    clock.now += 6
    fail(circuit, answer)
    with circuit.call():
        pass


def test_who_tries_and_is_never_heard_of_again_stops_nobody_for_good() -> None:
    clock = Clock()
    circuit = make(clock)
    fail(circuit, TimeoutError())
    clock.now += 6
    lost = circuit.call()
    lost.__enter__()
    clock.now += 16
    with circuit.call():
        pass
