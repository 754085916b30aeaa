"""``docker-registry config`` and the command line itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from docker_registry import __version__
from docker_registry.cli import main
from docker_registry.config import files, report

#: Runs the command line with an environment: ``run("config", "check", DEBUG="true")``.
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("DOCKER_REGISTRY_CONFIG", "SETTINGS_FLAVOR", "STORAGE_PATH"):
        monkeypatch.delenv(name, raising=False)

    def run_it(*arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(main, arguments, env=environ)

    return run_it


def test_check_shows_values_and_sources(run: Run) -> None:
    result = run("config", "check", STORAGE_PATH="/srv/registry", GUNICORN_THREADS="5")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["storage_path", "/srv/registry", "environment", "STORAGE_PATH"] in rows
    assert ["tags_page", "1000", "config", "file:", "common"] in rows
    assert ["threads", "5", "environment", "GUNICORN_THREADS"] in rows
    assert ["port", "5000", "default"] in rows
    assert "config_sample.yml, flavor dev:" in result.stdout


def test_check_shows_no_secret(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "registry.yml"
    file.write_text("dev: {swift_password: hunter2, extensions: {s3: {token: hunter2}}}")
    result = run(
        "config",
        "check",
        DOCKER_REGISTRY_CONFIG=str(file),
        SMTP_PASSWORD="hunter2",
        SQLALCHEMY_INDEX_DATABASE="postgresql://u:hunter2@h/d",
    )
    assert result.exit_code == 0
    assert "swift_password" in result.stdout
    assert "hunter2" not in result.output


def test_check_wraps_and_interprets_nothing(run: Run) -> None:
    path = "/" + "long/" * 100 + "[bold]x"
    assert path in run("config", "check", STORAGE_PATH=path).stdout


def test_check_tells_all_problems_of_both_parts(run: Run) -> None:
    result = run("config", "check", DEBUG="perhaps", TAGS_PAGE="many", REGISTRY_PORT="http")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "DEBUG" in result.stderr
    assert "TAGS_PAGE" in result.stderr
    assert "REGISTRY_PORT" in result.stderr
    assert "Traceback" not in result.stderr


def test_check_names_the_drivers_there_are(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "registry.yml"
    file.write_text("dev: {storage: floppy}")
    result = run("config", "check", DOCKER_REGISTRY_CONFIG=str(file))
    assert result.exit_code == 1
    assert "'floppy'" in result.stderr
    assert "local" in result.stderr
    assert "'dev'" in result.stderr


def test_check_makes_no_store(run: Run, tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert run("config", "check", STORAGE_PATH=str(store)).exit_code == 0
    assert not store.exists()


def test_schema(run: Run) -> None:
    result = run("config", "schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == report.schema()


def test_docs(run: Run) -> None:
    result = run("config", "docs")
    assert result.exit_code == 0
    assert result.stdout == report.documentation()


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"docker-registry, version {__version__}\n"


@pytest.mark.parametrize("arguments", [["no-such-command"], ["config", "check", "--no-such"]])
def test_usage_errors_are_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_broken_setting_stops_the_start_in_one_message(run: Run) -> None:
    for arguments in ([], ["serve"]):
        result = run(*arguments, SETTINGS_FLAVOR="prd")
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
        assert "'prd'" in result.stderr


class TestDistribution:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        file = tmp_path / "config.yml"
        file.write_text(
            "version: 0.1\n"
            "storage:\n"
            "  s3: {bucket: b, secretkey: hunter2, accesskey: k}\n"
            "  cache: {layerinfo: redis}\n"
            "http: {addr: '127.0.0.1:5001', adr: x}\n"
        )
        return file

    def test_check(self, run: Run, file: Path) -> None:
        result = run(
            *("config", "check"),
            DOCKER_REGISTRY_CONFIG=str(file),
            REGISTRY_STORAGE_S3_BUCKET="other",
        )
        assert result.exit_code == 0
        rows = [line.split() for line in result.stdout.splitlines()]
        assert ["s3_access_key", "k", "config", "file:", "storage.s3.accesskey"] in rows
        assert ["s3_bucket", "other", "environment", "REGISTRY_STORAGE_S3_BUCKET"] in rows
        assert ["port", "5001", "config", "file:", "http.addr"] in rows
        assert f"{file}, configuration of Distribution:" in result.stdout
        assert "warning: storage.cache (config file) has no effect: not needed" in result.stderr
        assert "did you mean http.addr?" in result.stderr
        assert "hunter2" not in result.output

    def test_check_fails_where_the_start_would(self, run: Run, file: Path) -> None:
        result = run(
            *("config", "check"),
            DOCKER_REGISTRY_CONFIG=str(file),
            REGISTRY_AUTH="{htpasswd: {path: /p}}",
        )
        assert result.exit_code == 1
        assert "auth.htpasswd (environment REGISTRY_AUTH): " in result.stderr
        assert result.stderr.count("\n") == 1

    def test_broken_file_is_told_once(self, run: Run, file: Path) -> None:
        file.write_text("version: [")
        result = run("config", "check", DOCKER_REGISTRY_CONFIG=str(file))
        assert result.exit_code == 1
        assert result.stderr.count("is not sound YAML") == 1

    def test_convert(self, run: Run, file: Path) -> None:
        result = run("config", "convert", str(file), REGISTRY_STORAGE_DELETE_ENABLED="true")
        assert result.exit_code == 0
        assert yaml.safe_load(result.stdout)["distribution"]["delete_enabled"] is True
        assert "# storage.cache (config file) has no effect: " in result.stdout
        assert "#     export REGISTRY_PORT=5001\n" in result.stdout
        assert "warning: it holds secrets (s3_secret_key)" in result.stderr

    def test_convert_takes_nothing_else(self, run: Run, tmp_path: Path) -> None:
        result = run("config", "convert", str(tmp_path / "none.yml"))
        assert result.exit_code == 1
        assert "there is no file" in result.stderr
        sample = files.PACKAGED / files.SAMPLE
        result = run("config", "convert", str(sample))
        assert "is no configuration of Distribution" in result.stderr
