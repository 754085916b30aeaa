"""The contract under many threads at once, on two instances as if in two processes."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest

from docker_registry.drivers.base import Driver, UploadState
from docker_registry.errors import PathNotFound


@pytest.fixture
def rounds(driver: Driver) -> int:
    """How often to try; where calls take a network's time, there is as much going on in fewer."""
    return 60 if driver.concurrency == 1 else 12


def together(*jobs: Callable[[], None]) -> None:
    """Run jobs at the same time and raise what any of them raises."""
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], None]) -> None:
        start.wait(10)
        job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        for future in [pool.submit(run, job) for job in jobs]:
            future.result(120)


def test_readers_see_whole_objects_while_writers_replace(open_driver, rounds: int) -> None:
    writer, reader = open_driver(), open_driver()
    versions = {bytes([65 + n]) * (1000 * (n + 1)) for n in range(8)}
    writer.put_content("tag/link", min(versions))
    done = threading.Event()

    def write() -> None:
        for _ in range(rounds // 4):
            for version in versions:
                writer.put_content("tag/link", version)

    def read() -> None:
        while not done.is_set():
            assert reader.get_content("tag/link") in versions
            with reader.reader("tag/link") as chunks:
                assert b"".join(chunks) in versions
            assert reader.stat("tag/link").size in set(map(len, versions))
            assert reader.list("tag") == ["link"]

    def write_all() -> None:
        try:
            together(write, write)
        finally:
            done.set()

    together(write_all, read, read)


def test_puts_deletes_and_lists_in_the_same_directories(open_driver, rounds: int) -> None:
    drivers = [open_driver(), open_driver()]
    names = ["a", "a-b", "b"]

    def storm(driver: Driver, seed: int) -> Callable[[], None]:
        chance = random.Random(seed)

        def run() -> None:
            for _ in range(rounds):
                directory = f"repo/{chance.choice(names)}/deep"
                name = chance.choice(names)
                driver.put_content(f"{directory}/{name}/link", b"x")
                assert set(driver.list("repo")) <= set(names)
                assert set(driver.list(directory)) <= set(names)
                with suppress(PathNotFound):
                    assert driver.get_content(f"{directory}/{name}/link") == b"x"
                with suppress(PathNotFound):
                    driver.delete(f"{directory}/{name}/link")
                if chance.random() < 0.2:
                    with suppress(PathNotFound):
                        driver.delete(f"repo/{chance.choice(names)}")

        return run

    together(*(storm(drivers[seed % 2], seed) for seed in range(6)))
    with suppress(PathNotFound):
        drivers[0].delete("repo")
    assert drivers[1].list("") == []


def test_a_put_is_not_lost_when_its_neighbours_are_deleted(open_driver, rounds: int) -> None:
    mine, other = open_driver(), open_driver()

    def keep() -> None:
        for n in range(rounds):
            mine.put_content(f"d/e/f/kept-{n}", b"kept")
            assert mine.get_content(f"d/e/f/kept-{n}") == b"kept"
            mine.delete(f"d/e/f/kept-{n}")

    def disturb() -> None:
        for _ in range(rounds * 2):
            other.put_transient("d/e/f/other", b"")
            other.delete("d/e/f/other")

    together(keep, disturb)


def test_many_deletes_of_one_object_leave_what_is_beside_it(open_driver, rounds: int) -> None:
    drivers = [open_driver(), open_driver()]
    for n in range(rounds // 6):
        drivers[0].put_content(f"d/{n}/object", b"x")
        drivers[0].put_content(f"d/{n}-beside", b"x")

        def delete(driver: Driver, path: str) -> Callable[[], None]:
            def run() -> None:
                with suppress(PathNotFound):
                    driver.delete(path)

            return run

        together(*(delete(drivers[k % 2], f"d/{n}{'/object' * (k % 3 > 0)}") for k in range(4)))
        assert drivers[1].list(f"d/{n}") == []
        assert drivers[1].get_content(f"d/{n}-beside") == b"x"


def test_one_upload_committed_by_many_at_once(open_driver, rounds: int) -> None:
    drivers = [open_driver(), open_driver()]
    for n in range(rounds // 6):
        state = drivers[0].start_upload(f"up/{n}")
        for part in (b"whole", b" and more")[: 1 + n % 2]:
            state = drivers[0].append(state, [part])
        committed = []

        def commit(driver: Driver, state: UploadState = state, path: str = f"blobs/{n}") -> None:
            with suppress(PathNotFound):
                driver.commit(state, path)
                committed.append(driver.get_content(path))  # noqa: B023

        together(*(partial(commit, drivers[k % 2]) for k in range(4)))
        assert committed
        assert set(committed) == {(b"whole", b"whole and more")[n % 2]}


def test_uploads_side_by_side_commit_the_same_object(open_driver, rounds: int) -> None:
    drivers = [open_driver(), open_driver()]

    def push(driver: Driver, who: int) -> Callable[[], None]:
        def run() -> None:
            for n in range(rounds // 6):
                directory = f"repo/_uploads/{who}-{n}"
                state = driver.start_upload(directory)
                for part in (b"the ", b"same ", b"blob")[: 1 + n % 3]:
                    state = driver.append(state, [part])
                    driver.put_transient(f"{directory}/session", b"{}")
                driver.commit(state, f"blobs/{n}/data")
                driver.delete(directory)

        return run

    together(*(push(drivers[who % 2], who) for who in range(4)))
    for n in range(rounds // 6):
        expected = b"".join((b"the ", b"same ", b"blob")[: 1 + n % 3])
        assert drivers[0].get_content(f"blobs/{n}/data") == expected
    assert drivers[0].list("") == ["blobs"]
