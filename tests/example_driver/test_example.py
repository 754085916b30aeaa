"""The example of docs/drivers.md, installed by pip and held against the driver suite."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from docker_registry import drivers
from docker_registry.config import Settings
from tests.tools import CHECKOUT

HERE = Path(__file__).parent
#: The example holds objects in memory for a moment, as it says.
SELECTED = "entry-point and not in_little_memory"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with the package, as pip installs it."""
    target = tmp_path_factory.mktemp("site-packages")
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "registry_sqlite.py"):
        (source / name).write_bytes((HERE / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", target, source], check=True, timeout=120)
    return target


def test_it_is_found_by_its_entry_point(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))
    settings = Settings(storage="sqlite", storage_path=str(tmp_path / "registry.db"))
    driver = drivers.create(settings)
    assert driver.name == "sqlite"
    driver.check()
    driver.put_content("a/b", b"x")
    assert drivers.create(settings).list("a") == ["b"]
    sys.modules.pop("registry_sqlite")


def test_it_passes_the_driver_suite(installed: Path, tmp_path: Path) -> None:
    suite = [str(CHECKOUT / f"tests/drivers/test_{name}.py") for name in ("contract", "storms")]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *suite,
            "-q",
            "-n0",
            "-k",
            SELECTED,
            "-p",
            "no:cacheprovider",
        ],
        cwd=CHECKOUT,
        env={
            **os.environ,
            "PYTHONPATH": f"{installed}:{CHECKOUT}",
            "REGISTRY_TEST_DRIVER": "sqlite",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
