"""Every command that the documentation shows is run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import images
from tests.servers import RegistryServer, free_port
from tests.tools import CHECKOUT, Tool, require_service

PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
#: Shown, and run by something else: this is one of the tests that it runs.
RUN_ELSEWHERE = {"make test", "make bench"}
#: Files that commands name, and what is in them where they are tried.
FILES = {"/etc/docker/registry/config.yml": "version: 0.1\nstorage: filesystem\n"}
START_SECONDS = 300


def commands(page: Path) -> list[str]:
    """Give the commands of a page: lines indented by four spaces that begin with a program."""
    lines = re.findall(
        r"^ {4}((?:make|docker|docker-registry) .*)$", page.read_text(), re.MULTILINE
    )
    return [line.partition("  #")[0].strip() for line in lines]


SHOWN = {command for page in PAGES for command in commands(page)}
OURS = sorted(command for command in SHOWN if command.startswith("docker-registry "))
DOCKER = [command for command in commands(PAGES[0]) if command.startswith("docker ")]


def test_nothing_shown_is_left_out() -> None:
    assert SHOWN - {*OURS, *DOCKER, *RUN_ELSEWHERE} == {"make run"}
    assert len(DOCKER) == 3


@pytest.mark.parametrize("command", OURS)
def test_command(command: str, tmp_path: Path) -> None:
    program, *arguments = command.split()
    for index, argument in enumerate(arguments):
        if argument in FILES:
            file = tmp_path / Path(argument).name
            file.write_text(FILES[argument])
            arguments[index] = str(file)
    environment = {**os.environ, "STORAGE_PATH": str(tmp_path), "SETTINGS_FLAVOR": "local"}
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


def test_docker_commands(registry: RegistryServer, tmp_path: Path) -> None:
    docker = Tool("docker", tmp_path, require_service("dockerd"))
    docker("import", "-", "my-image", stdin=images.tar_of({"hello": b"hello"}))
    output = ""
    for command in DOCKER:
        output = docker(*command.replace("127.0.0.1:5000", registry.address).split()[1:])
    assert "my-ubuntu" in output


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Give a copy of what git would check out, with the changes at hand."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (CHECKOUT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def made_server(checkout: Path) -> Iterator[str]:
    """Give the address of a registry that ``make run`` has started in a fresh checkout."""
    port = free_port()
    with subprocess.Popen(
        ["make", "run"],
        cwd=checkout,
        env={**os.environ, "REGISTRY_PORT": str(port)},
        start_new_session=True,
    ) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/v2/", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(START_SECONDS * 2):
        assert process.poll() is None, "make run has ended"
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.5)
        else:
            return
    pytest.fail(f"make run did not serve within {START_SECONDS} s")


def test_make_run(made_server: str, checkout: Path) -> None:
    data = b"layer"
    digest = images.digest_of(data)
    pushed = requests.post(
        f"{made_server}/v2/x/blobs/uploads/", params={"digest": digest}, data=data, timeout=30
    )
    assert pushed.status_code == 201
    assert requests.get(f"{made_server}/v1/search?q=x", timeout=30).json()["num_results"] == 0
    assert list((checkout / "var/registry").rglob("data"))
