"""``docker-registry key``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from docker_registry.cli import main


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"SETTINGS_FLAVOR": "local", "STORAGE_PATH": str(tmp_path / "store")}


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, ["key", *arguments], env=environment)


def test_rotate_list_remove(environment: dict[str, str]) -> None:
    assert "no key yet" in run(environment, "list").output
    first = run(environment, "rotate").output.split()[0]
    second = run(environment, "rotate").output.split()[0]

    listed = run(environment, "list").output.splitlines()
    assert [line.split()[0] for line in listed] == [first, second]
    assert [line.split(maxsplit=2)[2] for line in listed] == ["signs", "will sign"]

    assert run(environment, "remove", first).exit_code == 0
    assert run(environment, "list").output.split()[0] == second
    for key in (first, "../../v2", ""):
        refused = run(environment, "remove", key)
        assert refused.exit_code == 1
        assert "there is no key" in refused.output
    assert run(environment, "list").output.split()[2] == "signs"


def test_keys_of_a_file_are_not_ours(environment: dict[str, str]) -> None:
    refused = run({**environment, "TOKENS_SIGNING_KEY": "/some/keys.pem"}, "rotate")
    assert refused.exit_code == 1
    assert "TOKENS_SIGNING_KEY" in refused.output
