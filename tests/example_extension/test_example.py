"""The example of docs/extensions.md, installed by pip."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from docker_registry.app import create_app
from docker_registry.cli import main
from docker_registry.config import Settings
from docker_registry.errors import ConfigError
from tests.api.v1.pushes import V1Pushes, image_id, refusal

HERE = Path(__file__).parent
MODULE = "registry_only_signed"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory with the package, as pip installs it."""
    target = tmp_path_factory.mktemp("site-packages")
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", f"{MODULE}.py"):
        (source / name).write_bytes((HERE / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", target, source], check=True, timeout=120)
    return target


@pytest.fixture
def installed(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(package))
    yield package
    sys.modules.pop(MODULE, None)


def settings(**extensions: object) -> Settings:
    return Settings(storage="memory", search_backend="none", extensions=extensions)


@pytest.mark.usefixtures("installed")
def test_it_vetoes_a_push(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    app = create_app(settings(**{"only-signed": {"domain": "example.org"}}))
    v1, image = V1Pushes(app.test_client()), image_id("a")
    reason = refusal(v1.json(image, v1.document(image)), 400)
    assert reason == "The author of an image must have an address at example.org"
    signed = json.dumps({"id": image, "author": "A <a@example.org>"}).encode()
    assert v1.json(image, signed).get_json() is True
    v1.layer(image, b"layer")
    checksum = app.extensions["docker_registry"].legacy.images.checksums(image)[0]
    assert v1.checksum(image, checksum).get_json() is True
    assert v1.tag("team/app", "latest", image).get_json() is True
    assert f"team/app:latest is {image} now" in caplog.messages


@pytest.mark.usefixtures("installed")
def test_it_stops_the_start_without_its_setting() -> None:
    with pytest.raises(ConfigError, match=r"extensions\.only-signed\.domain"):
        create_app(settings())


def test_settings_of_what_is_not_installed_stop_the_start(tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    file.write_text("local: {storage: memory, extensions: {only-signed: {domain: example.org}}}")
    environment = {"DOCKER_REGISTRY_CONFIG": str(file), "SETTINGS_FLAVOR": "local"}
    with pytest.raises(ConfigError, match=r"extensions\.only-signed.*not installed"):
        create_app(settings(**{"only-signed": {"domain": "example.org"}}))
    done = CliRunner().invoke(main, ["config", "check"], env=environment)
    assert done.exit_code == 1
    assert "extensions.only-signed" in done.output
    # Those of drivers are theirs.
    create_app(settings(s3={"x": "y"}))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("missing_module:extend", "can't be loaded"),
        ("broken:nothing", "can't be loaded"),
        ("broken:number", "is no function"),
        ("broken:fails", "fails at its start .ZeroDivisionError"),
    ],
)
def test_what_does_not_work_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, reason: str
) -> None:
    (tmp_path / "broken.py").write_text("number = 1\ndef fails(hooks, settings): 1 / 0\n")
    about = tmp_path / "broken-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[docker_registry.extensions]\nx = {entry}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=f"the extension 'x' .*{reason}"):
        create_app(settings())
    sys.modules.pop("broken", None)
