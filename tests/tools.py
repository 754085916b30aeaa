"""The programs and services that some tests use: find them, or say how to get them.

Where one is missing the test is skipped, unless ``REGISTRY_TESTS_REQUIRE_ALL`` is set, as in CI:
then it fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, Self

import pytest

CHECKOUT = Path(__file__).parent.parent
STACKS = CHECKOUT / "contrib/stacks"
#: install.sh puts the programs here that the system lacks.
PROGRAMS = CHECKOUT / "var/bin"
COMMAND_SECONDS = 300


def missing(what: str, command: str) -> NoReturn:
    """Skip or fail the test for want of something that ``command`` brings."""
    reason = f"{what} is missing; `{command}` brings it"
    if os.environ.get("REGISTRY_TESTS_REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[None]:
    """Mount a file system of its own, of ``size`` bytes, which takes root."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "registry-test", place]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        missing(f"a small file system ({mounted.stderr.strip()})", "sudo make test")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def require_tool(name: str) -> str:
    """Give the path of a program."""
    path = shutil.which(name, path=f"{PROGRAMS}:{os.environ['PATH']}:/usr/sbin")
    return path or missing(f"the program {name}", "contrib/stacks/install.sh")


def require_service(name: str) -> dict[str, str]:
    """Give the environment variables by which a service of ``contrib/stacks`` is reached."""
    script = STACKS / f"{name}.sh"
    answer = subprocess.run([script, "env"], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        missing(f"the service {name}", f"contrib/stacks/{script.name} up")
    return _variables(answer.stdout)


def _variables(lines: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines.splitlines())


class Stack:
    """A service of ``contrib/stacks`` in a directory of its own: a test may break it.

    It starts in some seconds, so that a module shares one:
    ``with Stack("ceph") as ceph: ceph("kill", "rgw")``.

    :ivar environment: the variables by which it is reached.
    """

    def __init__(self, name: str) -> None:
        require_service(name)  # Where the shared one runs, its programs are installed.
        self.script = STACKS / f"{name}.sh"
        self.environment: dict[str, str] = {}

    def __call__(self, command: str, *processes: str) -> str:
        """Run a command of the script, such as ``stop``, ``start`` or ``kill``; give its output."""
        done = subprocess.run(
            [self.script, command, *processes],
            env={**os.environ, "REGISTRY_STACKS_DIR": self.directory},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def __enter__(self) -> Self:
        self.directory = tempfile.mkdtemp(prefix="stack-")
        self.environment = _variables(self("up"))
        return self

    def __exit__(self, *_: object) -> None:
        self("down")
        shutil.rmtree(self.directory)


class Tool:
    """A command line client, called with a home directory of its own.

    :param name: of the program; see ``require_tool``.
    :param home: where it may keep its state and finds no one's credentials.
    :param environment: variables it needs besides ``HOME``.
    """

    def __init__(self, name: str, home: Path, environment: dict[str, str] | None = None) -> None:
        self.path = require_tool(name)
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "TMPDIR": str(home),
            **(environment or {}),
        }

    def run(
        self, *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it and give what it did, whatever its exit code."""
        return subprocess.run(
            [self.path, *arguments],
            input=stdin,
            cwd=cwd or self.home,
            env=self.environment,
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def output(self, *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> bytes:
        """Run it and give its standard output; fail the test if it fails."""
        done = self.run(*arguments, stdin=stdin, cwd=cwd)
        if done.returncode != 0:
            command = " ".join(map(str, [self.path, *arguments]))
            pytest.fail(
                f"{command}\nexit code {done.returncode}\n"
                f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}"
            )
        return done.stdout

    def __call__(self, *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> str:
        """Run it and give its standard output as text without white space around it."""
        return self.output(*arguments, stdin=stdin, cwd=cwd).decode().strip()
