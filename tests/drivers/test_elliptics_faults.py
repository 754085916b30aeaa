"""The driver ``elliptics`` while groups, nodes and connections fail.

The nodes are those of ``tests.elliptics.server``, in this process, so that they can be broken.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from docker_registry.drivers.elliptics.client import Cluster, protocol
from docker_registry.drivers.elliptics.driver import INLINE, EllipticsDriver
from docker_registry.drivers.elliptics.entries import CHUNK
from docker_registry.drivers.elliptics.register import Registers
from docker_registry.drivers.elliptics.replicas import Replicas
from docker_registry.errors import PathNotFound, Unavailable
from tests.elliptics.server import Cluster as Servers
from tests.elliptics.server import Drop
from tests.elliptics.store import Group

LARGE = bytes(range(256)) * (5 * CHUNK // 512)


@pytest.fixture
def servers() -> Iterator[Servers]:
    """Three nodes with a group each."""
    with Servers({1: [1], 2: [2], 3: [3]}) as running:
        yield running


def open_driver(servers: Servers, wait: float = 2, check: float = 0.5) -> EllipticsDriver:
    cluster = Cluster(servers.addresses, connect_timeout=1, wait_timeout=wait, check_timeout=check)
    numbers = [group.number for node in servers.nodes.values() for group in node.groups]
    return EllipticsDriver(cluster, numbers)


def content(driver: EllipticsDriver, path: str) -> bytes:
    with driver.reader(path) as reader:
        return b"".join(reader)


Break = Callable[[Servers, int], None]


def disable(servers: Servers, number: int) -> None:
    servers.group(number).disabled = True


def kill(servers: Servers, number: int) -> None:
    servers.nodes[number].stop()


def hang(servers: Servers, number: int) -> None:
    def wait(_: object) -> None:
        time.sleep(5)

    servers.nodes[number].faults.append(wait)


def drop(servers: Servers, number: int) -> None:
    def raise_drop(_: object) -> None:
        raise Drop

    servers.nodes[number].faults.append(raise_drop)


def refuse_all(status: int) -> Break:
    def refuse(servers: Servers, number: int) -> None:
        servers.nodes[number].faults.append(lambda _: status)

    return refuse


def mend(servers: Servers, number: int) -> None:
    node = servers.nodes[number]
    node.faults.clear()
    servers.group(number).disabled = False
    if not node.running:
        node.start()


faults = pytest.mark.parametrize(
    "fail", [disable, kill, hang, drop, refuse_all(-110), refuse_all(-30)],
    ids=["disabled", "killed", "hanging", "dropping", "timing-out", "read-only"],
)  # fmt: skip


@faults
@pytest.mark.parametrize("lost", [1, 2, 3])
def test_one_group_of_three_is_lost(servers: Servers, fail: Break, lost: int) -> None:
    driver = open_driver(servers, wait=1, check=30)
    driver.put_content("d/kept", b"old")
    driver.write("up", [LARGE], "d/large")
    state = driver.append(driver.start_upload("up/1"), [LARGE])
    fail(servers, lost)
    assert driver.get_content("d/kept") == b"old"
    assert content(driver, "d/large") == LARGE
    driver.put_content("d/kept", b"new")
    driver.put_content("e/f/new", b"x")
    state = driver.append(state, [b"more"])
    driver.commit(state, "d/uploaded")
    driver.delete("d/large")
    assert driver.list("d") == ["kept", "uploaded"]
    assert content(driver, "d/uploaded") == LARGE + b"more"


@faults
def test_a_group_that_missed_changes_undoes_none(servers: Servers, fail: Break) -> None:
    driver = open_driver(servers, wait=1, check=0.2)
    driver.put_content("tag/link", b"old")
    driver.put_content("gone/object", b"x")
    driver.write("up", [LARGE], "gone/large")
    fail(servers, 1)
    driver.put_content("tag/link", b"new")
    driver.delete("gone")
    mend(servers, 1)
    time.sleep(0.3)
    # The first group is back with what it had: with each of the others it is outvoted.
    for other in (2, 3):
        fresh = open_driver(servers, wait=1)
        assert fresh.get_content("tag/link") == b"new"
        assert fresh.list("") == ["tag"]
        with pytest.raises(PathNotFound):
            fresh.get_content("gone/object")
        servers.group(5 - other).disabled = True
        fresh = open_driver(servers, wait=1)
        assert fresh.get_content("tag/link") == b"new"
        with pytest.raises(PathNotFound):
            fresh.stat("gone/large")
        mend(servers, 5 - other)


@faults
def test_two_groups_of_three_are_lost(servers: Servers, fail: Break) -> None:
    driver = open_driver(servers, wait=0.5, check=0.2)
    driver.put_content("a", b"x")
    if fail is drop:
        # The second node would go on with the groups of those that drop connections.
        servers.nodes[2].peers = []
    fail(servers, 1)
    fail(servers, 3)
    for action in (
        lambda: driver.get_content("a"),
        lambda: driver.get_content("never/there"),
        lambda: driver.list(""),
        lambda: driver.put_content("a", b"y"),
        lambda: driver.write("up", [LARGE], "b"),
        lambda: driver.delete("a"),
        driver.check,
    ):
        with pytest.raises(Unavailable):
            action()
    mend(servers, 1)
    mend(servers, 3)
    time.sleep(0.3)
    driver.put_content("a", b"again")
    assert driver.get_content("a") == b"again"
    driver.check()


def test_what_is_missing_is_not_what_could_not_be_asked(servers: Servers) -> None:
    driver = open_driver(servers)
    driver.write("up", [LARGE], "large")
    with driver.reader("large") as reader:
        for group in (1, 2, 3):
            servers.group(group).disabled = True
        with pytest.raises(Unavailable):
            b"".join(reader)
        for group in (1, 2, 3):
            servers.group(group).disabled = False
            servers.group(group).records.clear()
        with pytest.raises(PathNotFound):
            b"".join(reader)


def test_no_node_at_all(servers: Servers) -> None:
    driver = open_driver(servers)
    for node in servers.nodes.values():
        node.stop()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
        driver.check()


def test_another_node_forwards_when_one_is_killed() -> None:
    with Servers({1: [1, 2, 3], 2: []}) as servers:
        # The second node has nothing itself.
        driver = open_driver(servers)
        driver.put_content("a", b"x")
        assert driver.get_content("a") == b"x"
        assert not servers.nodes[2].served


def test_nodes_are_asked_in_turn_until_one_answers(servers: Servers) -> None:
    driver = open_driver(servers)
    driver.put_content("a", b"x")
    servers.nodes[1].stop()
    servers.nodes[1].running = True  # Its group is still reached through the others.
    fresh = open_driver(servers)
    assert fresh.get_content("a") == b"x"
    fresh.put_content("a", b"y")
    assert driver.get_content("a") == b"y"


def test_idle_connections_that_died_are_made_again(servers: Servers) -> None:
    driver = open_driver(servers, check=60)
    driver.put_content("a", b"x")
    for node in servers.nodes.values():
        node.stop()
        node.start()
    assert driver.get_content("a") == b"x"
    driver.put_content("a", b"y")
    assert driver.get_content("a") == b"y"


def test_connections_that_break_now_and_then(servers: Servers) -> None:
    count = iter(range(10**6))

    def sometimes(_: object) -> None:
        if next(count) % 7 == 6:
            raise Drop

    for node in servers.nodes.values():
        node.faults.append(sometimes)
    driver = open_driver(servers, check=0.01)
    for number in range(20):
        driver.put_content(f"d/{number}", b"x")
    driver.write("up", [LARGE], "large")
    assert content(driver, "large") == LARGE
    assert driver.list("d") == sorted(str(number) for number in range(20))


def test_a_slow_group_is_waited_for(servers: Servers) -> None:
    def slow(_: object) -> None:
        time.sleep(0.05)

    servers.nodes[3].faults.append(slow)
    driver = open_driver(servers)
    driver.write("up", [LARGE], "large")
    assert len(servers.group(3).records) == len(servers.group(1).records)


@pytest.mark.parametrize("status", [-84, -7])
def test_a_read_in_the_middle_of_a_write_is_asked_again(servers: Servers, status: int) -> None:
    driver = open_driver(servers)
    driver.put_content("a", b"x")
    left = [4]

    def torn(header: protocol.Header) -> int | None:
        if header.command == protocol.READ and left[0]:
            left[0] -= 1
            return status
        return None

    servers.nodes[1].faults.append(torn)
    assert driver.get_content("a") == b"x"
    assert left == [0]


def test_corrupted_copies_are_read_from_another_group(servers: Servers) -> None:
    driver = open_driver(servers)
    driver.put_content("a", b"x")
    driver.write("up", [LARGE], "large")
    for record in servers.group(1).records.values():
        record.corrupted = True
    assert driver.get_content("a") == b"x"
    assert content(driver, "large") == LARGE
    driver.put_content("a", b"y")
    assert driver.get_content("a") == b"y"


def test_a_mangled_register_is_never_believed(servers: Servers) -> None:
    driver = open_driver(servers)
    driver.put_content("a", b"x")
    for record in servers.group(1).records.values():
        record.room[record.size // 2] ^= 1
    assert driver.get_content("a") == b"x"


def _counting(servers: Servers, seconds: float) -> tuple[int, int]:
    """Count up in one register from four threads, and give the successes and the final value."""
    counted = []
    end = time.monotonic() + seconds

    def increment(mine: str, value: bytes | None) -> bytes:
        # A change whose answer was lost finds itself done, as every change must.
        names = (value or b"").decode().split()
        return " ".join([*names, *([] if mine in names else [mine])]).encode()

    def work(worker: int) -> None:
        cluster = Cluster(servers.addresses, 1, 0.5, 0.05)
        registers = Registers(Replicas(cluster, [1, 2, 3], "count"))
        number = 0
        while time.monotonic() < end:
            mine = f"{worker}-{number}"
            number += 1
            try:
                registers.change("n", lambda value, mine=mine: increment(mine, value))
            except Unavailable:
                continue
            counted.append(mine)

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work, worker) for worker in range(4)]:
            future.result(60)
    cluster = Cluster(servers.addresses, 1, 2, 0.05)
    final = Registers(Replicas(cluster, [1, 2, 3], "count")).read("n") or b""
    names = final.decode().split()
    assert len(names) == len(set(names))
    assert set(counted) <= set(names)
    return len(counted), len(names)


def test_no_change_is_lost_while_groups_come_and_go(servers: Servers) -> None:
    done = threading.Event()

    def trouble() -> None:
        number = 0
        while not done.is_set():
            lost = 1 + number % 3
            (disable, kill)[number % 2](servers, lost)
            done.wait(0.25)
            mend(servers, lost)
            done.wait(0.1)
            number += 1

    thread = threading.Thread(target=trouble)
    thread.start()
    try:
        counted, _ = _counting(servers, 4)
    finally:
        done.set()
        thread.join()
    assert counted > 20


# Crashes: what is left behind, and what goes


def crash_at(servers: Servers, command: int, count: int) -> None:
    """Let no request through from the ``count``-th of a command on."""
    lock = threading.Lock()
    seen = [0]

    def fault(header: protocol.Header) -> int | None:
        with lock:
            seen[0] += header.command == command
            return -95 if seen[0] >= count else None

    for node in servers.nodes.values():
        node.faults.append(fault)


def chunks(group: Group) -> int:
    return sum(record.size > INLINE * 4 for record in group.records.values())


@pytest.mark.parametrize("point", range(1, 24))
def test_a_crash_in_a_write_leaves_nothing_for_ever(point: int) -> None:
    with Servers({1: [1]}) as servers:
        driver = open_driver(servers, check=0.01)
        driver.write("up", [b"o" * len(LARGE)], "d/large")
        crash_at(servers, protocol.WRITE, point)
        with suppress(Unavailable):
            driver.write("up", [LARGE], "d/large")
        servers.nodes[1].faults.clear()
        fresh = open_driver(servers)
        found = content(fresh, "d/large")
        assert found in (LARGE, b"o" * len(LARGE))
        fresh.sweep(time.time() + 1)
        assert content(fresh, "d/large") == found
        assert chunks(servers.group(1)) == -(-len(LARGE) // CHUNK)


@pytest.mark.parametrize("point", range(1, 12))
def test_a_crash_in_a_delete_leaves_nothing_for_ever(point: int) -> None:
    with Servers({1: [1]}) as servers:
        driver = open_driver(servers, check=0.01)
        driver.write("up", [LARGE], "d/e/large")
        driver.put_content("d/beside", b"x")
        crash_at(servers, protocol.WRITE if point < 8 else protocol.DELETE, point % 8)
        with suppress(Unavailable):
            driver.delete("d/e")
        servers.nodes[1].faults.clear()
        fresh = open_driver(servers)
        fresh.sweep(time.time() + 1)
        try:
            assert content(fresh, "d/e/large") == LARGE
        except PathNotFound:
            assert chunks(servers.group(1)) == 0
            with suppress(PathNotFound):
                fresh.delete("d/e")
            assert fresh.list("d") == ["beside"]
            fresh.put_content("d/e/again", b"x")
            assert fresh.list("d") == ["beside", "e"]


def test_a_sweep_leaves_open_uploads_alone(servers: Servers) -> None:
    driver = open_driver(servers)
    state = driver.append(driver.start_upload("up/1"), [LARGE])
    assert driver.sweep(time.time() - 10) == 0
    driver.commit(state, "large")
    assert driver.sweep(time.time() + 10) == 0
    assert content(driver, "large") == LARGE


def test_a_sweep_takes_uploads_that_nobody_ends(servers: Servers) -> None:
    driver = open_driver(servers)
    state = driver.append(driver.start_upload("up/1"), [LARGE])
    driver.append(state, [LARGE])
    assert driver.sweep(time.time() + 10) == 2 * -(-len(LARGE) // CHUNK)
    assert all(chunks(servers.group(group)) == 0 for group in (1, 2, 3))
    with pytest.raises(PathNotFound):
        driver.commit(state, "large")


def test_a_sweep_takes_the_records_of_dead_directories(servers: Servers) -> None:
    driver = open_driver(servers)
    driver.put_content("keep/a", b"x")
    before = len(servers.group(1).records)
    for number in range(5):
        driver.put_content(f"up/{number}/session", b"x")
        driver.delete(f"up/{number}")
    assert driver.sweep(time.time() + 10) == 10
    journals = 64
    assert len(servers.group(1).records) <= before + journals
    assert driver.list("") == ["keep"]
    driver.put_content("up/1/session", b"x")
    assert driver.list("up") == ["1"]


def test_the_dead_stay_while_a_group_is_lost(servers: Servers) -> None:
    driver = open_driver(servers)
    driver.put_content("up/session", b"x")
    driver.delete("up")
    servers.group(3).disabled = True
    assert driver.sweep(time.time() + 10) == 0
    servers.group(3).disabled = False
    time.sleep(0.6)
    assert driver.sweep(time.time() + 10) == 1
