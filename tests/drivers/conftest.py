"""The drivers that the contract is run against.

To add one, write a factory: a context manager that is given an empty directory of its own, gives a
function that builds a driver, every time on the same empty store, and clears up. It may skip, with
the reason, where a server that it needs can't be had.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from docker_registry.config import Settings
from docker_registry.drivers import create
from docker_registry.drivers.alternate import Chain
from docker_registry.drivers.alternate.member import Member
from docker_registry.drivers.base import Driver
from docker_registry.drivers.local import LocalDriver
from docker_registry.drivers.memory import MemoryDriver
from tests.drivers.glance_service import glance_images
from tests.drivers.swift_service import rgw_settings, swift_settings, swift_store
from tests.drivers.switchable import SwitchableDriver

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


@contextmanager
def chain(directory: Path) -> Iterator[Open]:
    def build() -> Chain:
        names = ("primary", "second", "third")
        return Chain([Member(name, LocalDriver(directory / name)) for name in names])

    yield build


@contextmanager
def chain_full(directory: Path) -> Iterator[Open]:
    """Give a chain whose primary takes nothing: all goes through the journal."""

    def build() -> Chain:
        primary = SwitchableDriver(directory / "primary")
        primary.full = True
        return Chain(
            [Member("primary", primary), Member("second", LocalDriver(directory / "second"))]
        )

    yield build


@contextmanager
def azureblob(directory: Path) -> Iterator[Open]:
    from docker_registry.drivers.azureblob import AzureDriver
    from tests.drivers.azurite import azure_container

    with azure_container() as settings:
        yield lambda: AzureDriver.from_settings(settings)


@contextmanager
def ceph_s3(directory: Path) -> Iterator[Open]:
    from docker_registry.drivers.s3 import S3Driver
    from tests.drivers.s3_service import ceph_prefix

    with ceph_prefix() as settings:
        # The gateway answers 500 to who reads what is replaced that moment, three times in a row
        # where two replace it without a pause, as in test_storms.py.
        patient = settings.model_copy(update={"storage_attempts": 8})
        yield lambda: S3Driver.from_settings(patient)


@contextmanager
def elliptics(directory: Path) -> Iterator[Open]:
    from tests.drivers.elliptics_service import empty_store

    yield empty_store(1)


@contextmanager
def elliptics_replicated(directory: Path) -> Iterator[Open]:
    from tests.drivers.elliptics_service import empty_store

    yield empty_store(1, 2, 3)


@contextmanager
def gcs(directory: Path) -> Iterator[Open]:
    from docker_registry.drivers.gcs import GcsDriver
    from tests.gcs.settings import bucket_of_process

    with bucket_of_process() as settings:
        yield lambda: GcsDriver.from_settings(settings)


@contextmanager
def swift(directory: Path) -> Iterator[Open]:
    with swift_store(swift_settings) as opened:
        yield opened


@contextmanager
def swift_rgw(directory: Path) -> Iterator[Open]:
    with swift_store(rgw_settings) as opened:
        yield opened


@contextmanager
def entry_point(directory: Path) -> Iterator[Open]:
    """Give a driver of another package; see docs/drivers.md."""
    name = os.environ["REGISTRY_TEST_DRIVER"]
    settings = Settings(storage=name, storage_path=str(directory / "store"))
    yield lambda: create(settings)


@contextmanager
def glance(directory: Path) -> Iterator[Open]:
    with glance_images() as opened:
        yield opened


FACTORIES: dict[str, Callable[[Path], AbstractContextManager[Open]]] = {
    "azureblob": azureblob,
    "ceph-s3": ceph_s3,
    "elliptics": elliptics,
    "elliptics-replicated": elliptics_replicated,
    "gcs": gcs,
    "local": local,
    "local-without-fsync": local_without_fsync,
    "memory": memory,
    "glance": glance,
    "swift": swift,
    "swift-rgw": swift_rgw,
    "chain": chain,
    "chain-full": chain_full,
}

if "REGISTRY_TEST_DRIVER" in os.environ:
    FACTORIES["entry-point"] = entry_point


@pytest.fixture(params=list(FACTORIES))
def open_driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    with FACTORIES[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def driver(open_driver: Open) -> Driver:
    return open_driver()
