from __future__ import annotations

import pytest

from docker_registry.drivers.base import Driver
from docker_registry.legacy.migration.outcome import Outcome
from docker_registry.legacy.migration.removal import Removal
from docker_registry.legacy.migration.tags import Migration
from docker_registry.registry import Registry
from tests.v1_store import V1Store


@pytest.fixture
def store(driver: Driver) -> V1Store:
    return V1Store(driver)


def ignore(_: int) -> None:
    pass


def migrate_all(driver: Driver, *wanted: str, dry_run: bool = False) -> dict[str, Outcome]:
    """Do it in a new process, so to say, and give what became of each tag."""
    migration = Migration(Registry(driver), ignore)
    work = migration.foresee if dry_run else migration.migrate
    return {
        str(source): work(source)
        for repository in migration.repositories(wanted)
        for source in migration.tags(repository)
    }


def remove_all(driver: Driver) -> list[str]:
    """Migrate and remove, and give the images that were removed."""
    registry = Registry(driver)
    migration, removal = Migration(registry, ignore), Removal(registry, ignore)
    for repository in list(migration.repositories()):
        outcomes = [migration.migrate(source) for source in migration.tags(repository)]
        removal.remove_repository(repository, outcomes)
    return list(removal.remove_images())
