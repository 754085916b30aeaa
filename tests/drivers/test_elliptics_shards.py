"""Directories in Elliptics with so many entries that they lie in shards."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from docker_registry.drivers.base import Driver
from docker_registry.drivers.elliptics import records
from docker_registry.drivers.elliptics.client import Cluster
from docker_registry.drivers.elliptics.driver import EllipticsDriver
from docker_registry.errors import PathNotFound, Unavailable
from tests.drivers import test_contract, test_storms
from tests.drivers.elliptics_service import empty_store
from tests.elliptics.server import Cluster as Servers

Open = Callable[[], EllipticsDriver]


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LIMIT", 300)


@pytest.fixture(params=[(1,), (1, 2, 3)], ids=["one-group", "three-groups"])
def open_driver(request: pytest.FixtureRequest, small_shards: None) -> Open:
    return empty_store(*request.param)


@pytest.fixture
def driver(open_driver: Open) -> Driver:
    return open_driver()


def test_names_come_in_order_and_in_pages(driver: Driver) -> None:
    names = [f"tag-{number:03}" for number in range(150)]
    for name in random.Random(1).sample(names, len(names)):
        driver.put_content(f"d/{name}", name.encode())
    assert driver.list("d") == names
    assert driver.list("d", "tag-042x", 50) == names[43:93]
    assert list(driver.iterate("d", page=7)) == names
    for name in names:
        assert driver.get_content(f"d/{name}") == name.encode()
        driver.touch(f"d/{name}")


def test_it_shrinks_to_nothing_and_grows_again(driver: Driver) -> None:
    names = [f"tag-{number:03}" for number in range(80)]
    for _ in range(2):
        for name in names:
            driver.put_content(f"d/{name}/link", b"x")
        for name in random.Random(2).sample(names, len(names)):
            driver.delete(f"d/{name}/link")
        assert driver.list("") == []
        with pytest.raises(PathNotFound):
            driver.delete("d")


def test_a_large_tree_is_deleted_whole(driver: Driver) -> None:
    for number in range(60):
        driver.put_content(f"d/{number}", b"x")
        driver.put_content(f"d/below-{number}/object", b"x")
    driver.put_content("beside", b"x")
    driver.delete("d")
    assert driver.list("") == ["beside"]


def test_many_writers_at_once_lose_nothing(open_driver: Open) -> None:
    drivers = [open_driver(), open_driver()]

    def work(worker: int) -> None:
        driver = drivers[worker % 2]
        for number in range(30):
            driver.put_content(f"d/{number:02}-{worker}", b"x")
            if number % 3 == 0:
                driver.delete(f"d/{number:02}-{worker}")

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work, worker) for worker in range(4)]:
            future.result(120)
    expected = [f"{n:02}-{worker}" for n in range(30) if n % 3 for worker in range(4)]
    assert drivers[0].list("d") == sorted(expected)
    for name in expected:
        assert drivers[1].get_content(f"d/{name}") == b"x"
        drivers[1].delete(f"d/{name}")
    assert drivers[0].list("") == []


def test_the_storm_of_puts_deletes_and_lists(
    open_driver: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "LIMIT", 100)
    test_storms.test_puts_deletes_and_lists_in_the_same_directories(open_driver, rounds=25)


def test_deleted_trees_while_others_write(driver: Driver) -> None:
    test_contract.test_delete_takes_the_tree_and_nothing_beside_it(driver)


@pytest.mark.parametrize("point", range(1, 16))
def test_a_crash_while_a_shard_is_replaced(small_shards: None, point: int) -> None:
    with Servers({1: [1]}) as servers:
        names: list[str] = []
        seen = 0

        def crash(_: object) -> int | None:
            nonlocal seen
            seen += 1
            return -95 if seen % 40 >= 40 - point else None

        driver = EllipticsDriver(Cluster(servers.addresses, 1, 1, 0.01), [1])
        servers.nodes[1].faults.append(crash)
        for number in range(40):
            for _ in range(50):
                with suppress(Unavailable):
                    driver.put_content(f"d/{number:02}", b"x")
                    break
            names.append(f"{number:02}")
        servers.nodes[1].faults.clear()
        assert driver.list("d") == names
        for name in names:
            assert driver.get_content(f"d/{name}") == b"x"
        driver.delete("d")
        assert driver.list("") == []
        driver.sweep(time.time() + 1)


def test_a_change_costs_no_more_in_a_large_directory(driver: Driver) -> None:
    with Servers({1: [1]}) as servers:
        large = EllipticsDriver(Cluster(servers.addresses), [1])
        for number in range(200):
            large.put_content(f"d/{number}", b"x")
        node = servers.nodes[1]
        node.served.clear()
        large.put_content("d/100", b"y")
        assert len(node.served) == 3
        node.served.clear()
        assert large.get_content("d/100") == b"y"
        assert len(node.served) == 2
        node.served.clear()
        assert len(large.list("d", "150", 5)) == 5
        assert len(node.served) <= 4
