from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from docker_registry.cli import main
from docker_registry.drivers.local import LocalDriver
from docker_registry.legacy.names import ImageId
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.registry.names import RepositoryName

IMAGE = ImageId("a" * 64)


@pytest.fixture
def driver(tmp_path: Path) -> LocalDriver:
    """Give a store with an upload and an image that were given up."""
    driver = LocalDriver(tmp_path)
    Registry(driver).uploads.start(RepositoryName("team/app"))
    LegacyStore(driver, 3600).pushes.put_json(IMAGE, b'{"id": "%s"}' % IMAGE.encode())
    return driver


def purge(tmp_path: Path, *arguments: str) -> Result:
    environment = {"SETTINGS_FLAVOR": "local", "STORAGE_PATH": str(tmp_path)}
    done = CliRunner(env=environment).invoke(main, ["uploads", "purge", *arguments])
    assert done.exit_code == 0, done.output
    return done


def test_purge(driver: LocalDriver, tmp_path: Path) -> None:
    assert purge(tmp_path).output == ""
    listed = purge(tmp_path, "--older-than", "0", "--dry-run").output.splitlines()
    assert listed[0].startswith("team/app ")
    assert listed[1:] == [f"image {IMAGE}"]
    assert driver.list("images") == [IMAGE]
    assert purge(tmp_path, "--older-than", "0").output.splitlines() == listed
    assert driver.list("images") == []
    assert driver.list("docker/registry/v2/repositories") == []
