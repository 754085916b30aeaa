"""The drivers that the contract is run against.

To add one, write a factory: a context manager that is given an empty directory of its own, gives a
function that builds a driver, every time on the same empty store, and clears up. It may skip, with
the reason, where a server that it needs can't be had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from docker_registry.drivers.base import Driver
from docker_registry.drivers.local import LocalDriver
from docker_registry.drivers.memory import MemoryDriver

Open = Callable[[], Driver]


@contextmanager
def local(directory: Path) -> Iterator[Open]:
    yield lambda: LocalDriver(directory / "store")


@contextmanager
def local_without_fsync(directory: Path) -> Iterator[Open]:
    yield lambda: LocalDriver(directory / "store", fsync=False)


@contextmanager
def memory(directory: Path) -> Iterator[Open]:
    # The store is the instance: another one would be another store.
    only = MemoryDriver()
    yield lambda: only


FACTORIES: dict[str, Callable[[Path], AbstractContextManager[Open]]] = {
    "local": local,
    "local-without-fsync": local_without_fsync,
    "memory": memory,
}


@pytest.fixture(params=list(FACTORIES))
def open_driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    with FACTORIES[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def driver(open_driver: Open) -> Driver:
    return open_driver()
