"""Drivers are found by name."""

from __future__ import annotations

import configparser
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from docker_registry import drivers
from docker_registry.config import Settings, load
from docker_registry.drivers.local import LocalDriver
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import ConfigError

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["local", "file"])
def test_local_takes_its_settings(tmp_path: Path, name: str) -> None:
    settings = Settings(storage=name, storage_path=str(tmp_path / "store"), storage_fsync=False)
    driver = drivers.create(settings)
    assert isinstance(driver, LocalDriver)
    driver.put_content("a", b"x")
    assert (tmp_path / "store/a").read_bytes() == b"x"


def test_memory() -> None:
    assert isinstance(drivers.create(Settings(storage="memory")), MemoryDriver)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        drivers.create(Settings(storage="locale"))
    for part in ("'storage'", "'locale'", "SETTINGS_FLAVOR", "gcs, glance, local, memory"):
        assert part in str(caught.value)


def test_another_package_brings_a_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tape.py").write_text(
        "from docker_registry.drivers.memory import MemoryDriver\n"
        "class TapeDriver(MemoryDriver):\n    name = 'tape'\n"
    )
    info = tmp_path / "tape-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tape\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[docker_registry.drivers]\ntape = tape:TapeDriver\nrobot = tape_robot:RobotDriver\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert drivers.create(Settings(storage="tape")).name == "tape"
    with pytest.raises(ConfigError, match="tape_robot"):
        drivers.create(Settings(storage="robot"))
    sys.modules.pop("tape")


def test_setup_cfg_names_the_same_drivers() -> None:
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    lines = setup["options.entry_points"][drivers.GROUP].strip().splitlines()
    declared = [EntryPoint(*map(str.strip, line.split("=")), drivers.GROUP) for line in lines]
    assert sorted(declared, key=lambda entry: entry.name) == list(drivers.BUILT_IN)


@pytest.mark.parametrize("alternates", ["", "local"])
def test_what_a_driver_lacks_is_told_with_the_flavor(alternates: str) -> None:
    environment = {"SETTINGS_FLAVOR": "ceph-s3", "STORAGE_ALTERNATE": alternates}
    with pytest.raises(ConfigError, match=r"'ceph-s3' \(see SETTINGS_FLAVOR\): .*\(AWS_BUCKET\)"):
        drivers.create(load(environment))
