"""Real registry processes for tests: start, stop, restart, kill."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import requests

START_SECONDS = 60
STOP_SECONDS = 60
LOG_TAIL_BYTES = 20_000
#: Beginnings of the names of variables that the registry reads.
OWN_VARIABLES = (
    "AUDIT_",
    "AUTH",
    "AWS_",
    "AZURE_",
    "CACHE_",
    "CF_",
    "DOCKER_REGISTRY_",
    "ELLIPTICS_",
    "GCS_",
    "GLANCE_",
    "GUNICORN_",
    "OSS_",
    "OS_",
    "POLICY",
    "PROXY_HEADERS",
    "PUBLIC_URL",
    "REGISTRY_",
    "SEARCH_",
    "SETTINGS_",
    "SQLALCHEMY_",
    "STORAGE_",
    "SWIFT_",
    "TOKENS_",
    "TRUSTED_PROXIES",
    "WRITE_ONCE",
)


def free_port() -> int:
    """Give a port of 127.0.0.1 on which no one listens.

    It lies below the range from which the kernel picks ports for outgoing connections, so that no
    client can take it while its server is down.
    """
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class Server(ABC):
    """A registry that runs in a process group of its own and listens on a port of 127.0.0.1.

    :param directory: is made; holds the log and, unless told otherwise, all data.
    :ivar port: stays the same over restarts.
    :ivar store: the directory of the blobs and links, ``docker/registry/v2`` below it.
    :ivar log: file with the output of every run.
    """

    store: Path

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.store = directory / "store"
        self.log = directory / "log"
        self.log.touch()
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Host and port, as image names begin with."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return f"http://{self.address}"

    @abstractmethod
    def command(self) -> list[str]:
        """Give the program to run and its arguments."""

    def environment(self) -> dict[str, str]:
        """Give the environment of the process."""
        return dict(os.environ)

    def start(self) -> Self:
        """Start the process and wait until ``/v2/`` answers."""
        assert self.process is None, "the server runs already"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.command()} does not answer:\n{self.log_tail()}")
            time.sleep(0.05)
        return self

    def answers(self) -> bool:
        """Tell whether the registry's API answers, if only by asking who is there."""
        try:
            return requests.get(f"{self.url}/v2/", timeout=5).status_code in (200, 401)
        except (requests.ConnectionError, requests.Timeout):
            return False

    def stop(self) -> int | None:
        """Ask the process to end and give its exit code; ``None`` if it does not run."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as slow:
            raise RuntimeError(f"does not end on SIGTERM:\n{self.log_tail()}") from slow
        finally:
            self.kill()

    def kill(self) -> None:
        """End the whole process group at once, as a power cut does, with SIGKILL."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def restart(self) -> None:
        """Stop the process if it runs, and start it again on the same port."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log_tail(self) -> str:
        """Give the end of the log."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")

    def remove(self) -> None:
        """Stop the process if it runs, and delete the store, which may be large."""
        try:
            self.stop()
        finally:
            shutil.rmtree(self.store, ignore_errors=True)


class RegistryServer(Server):
    """``docker-registry serve`` of the environment that runs the tests, with two workers.

    :param settings: environment variables that add to or replace the ones below.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(directory)
        self.settings = {
            "SETTINGS_FLAVOR": "local",
            "STORAGE_PATH": str(self.store),
            "SEARCH_BACKEND": "sqlalchemy",
            "SQLALCHEMY_INDEX_DATABASE": f"sqlite:///{directory}/index.db",
            "REGISTRY_HOST": "127.0.0.1",
            "REGISTRY_PORT": str(self.port),
            "GUNICORN_WORKERS": "2",
            "GUNICORN_ACCESS_LOG_FILE": "-",
            **(settings or {}),
        }
        self.store = Path(self.settings["STORAGE_PATH"])

    def command(self) -> list[str]:
        return [str(Path(sys.executable).with_name("docker-registry")), "serve"]

    def environment(self) -> dict[str, str]:
        # What the caller's shell sets must not change what is tested.
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)
        }
        return {**kept, **self.settings}


class DistributionServer(Server):
    """CNCF Distribution: registry:2 as Debian packages it, or registry:3.

    :param storage: its storage driver and the driver's parameters; by default, files.
    :param variables: of the environment.
    """

    def __init__(
        self,
        directory: Path,
        program: str,
        storage: Mapping[str, Mapping[str, object]] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory)
        self.program = program
        self.variables = dict(variables or {})
        if storage is None:
            self.store.mkdir(exist_ok=True)
            storage = {"filesystem": {"rootdirectory": str(self.store)}}
        self.configuration = directory / "config.yml"
        # JSON is YAML.
        self.configuration.write_text(
            json.dumps(
                {
                    "version": 0.1,
                    "storage": {**storage, "delete": {"enabled": True}},
                    "http": {"addr": self.address},
                }
            )
        )

    def command(self) -> list[str]:
        return [self.program, "serve", str(self.configuration)]

    def environment(self) -> dict[str, str]:
        # It takes a variable such as REGISTRY_PORT for a setting of its own.
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)
        }
        # registry:3 would look for a collector of traces.
        return {**kept, "OTEL_TRACES_EXPORTER": "none", **self.variables}
