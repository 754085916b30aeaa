"""``docker-registry uploads``."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from docker_registry.cli import main
from docker_registry.drivers.local import LocalDriver
from docker_registry.legacy.names import ImageId
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.registry.names import RepositoryName


def purge(store: Path, *arguments: str, **environ: str) -> Result:
    settings = {"SETTINGS_FLAVOR": "local", "STORAGE_PATH": str(store), **environ}
    return CliRunner(env=settings).invoke(main, ["uploads", "purge", *arguments])


def test_uploads_that_are_kept_for_ever_need_an_age(tmp_path: Path) -> None:
    session = Registry(LocalDriver(tmp_path)).uploads.start(RepositoryName("team/app"))
    refused = purge(tmp_path, UPLOAD_MAX_AGE="0")
    assert refused.exit_code == 2
    assert "UPLOAD_MAX_AGE" in refused.stderr
    listed = purge(tmp_path, "--older-than", "0", "--dry-run", UPLOAD_MAX_AGE="0")
    assert listed.stdout == f"team/app {session.id}\n"
    assert purge(tmp_path, "--older-than", "0", UPLOAD_MAX_AGE="0").stdout == listed.stdout
    assert purge(tmp_path, "--older-than", "0").stdout == ""


def test_images_of_v1_that_never_came_whole(tmp_path: Path) -> None:
    driver, image = LocalDriver(tmp_path), ImageId("a" * 64)
    LegacyStore(driver, 3600).pushes.put_json(image, b'{"id": "%s"}' % image.encode())
    assert purge(tmp_path).stdout == ""
    assert purge(tmp_path, "--older-than", "0", "--dry-run").stdout == f"image {image}\n"
    assert driver.list("images") == [image]
    assert purge(tmp_path, "--older-than", "0").stdout == f"image {image}\n"
    assert driver.list("images") == []
