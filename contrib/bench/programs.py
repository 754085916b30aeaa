"""Starting the registries that are compared: ours from this checkout, and Distribution's."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests
import yaml
from memory import Memory
from work import Registry

CHECKOUT = Path(__file__).parents[2]
#: Debian's package docker-registry is Distribution 2.8; 3 is what Go builds of its module.
PEERS = {
    "Distribution 2.8": Path("/usr/bin/docker-registry"),
    "Distribution 3": CHECKOUT / "var/bin/registry",
}
OURS = "ours"
START_SECONDS = 60


class Program(Registry):
    """A registry that was started here.

    :ivar root: its store.
    """

    def __init__(self, name: str, url: str, pid: int, root: Path) -> None:
        super().__init__(name, url)
        self.root = root
        self.memory = Memory(pid)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def ours(root: Path, **environment: str) -> Iterator[Program]:
    """Start ours on a local store, synced to the disk as by default."""
    port = free_port()
    settings = {
        "SETTINGS_FLAVOR": "local",
        "STORAGE_PATH": str(root),
        "REGISTRY_HOST": "127.0.0.1",
        "REGISTRY_PORT": str(port),
        "GUNICORN_ACCESS_LOG_FILE": "/dev/null",
        "LOGLEVEL": "warning",
        **environment,
    }
    command = [Path(sys.executable).with_name("docker-registry"), "serve"]
    with _started(OURS, command, settings, port, root) as program:
        yield program


@contextmanager
def distribution(name: str, root: Path) -> Iterator[Program]:
    """Start one of Distribution's on a local store, without access log."""
    port = free_port()
    root.mkdir(parents=True, exist_ok=True)
    configuration = root.parent / f"{root.name}-{name}.yml"
    configuration.write_text(
        yaml.safe_dump(
            {
                "version": "0.1",
                "log": {"level": "error", "accesslog": {"disabled": True}},
                "storage": {
                    "filesystem": {"rootdirectory": str(root)},
                    "delete": {"enabled": True},
                },
                "http": {"addr": f"127.0.0.1:{port}"},
            }
        )
    )
    settings = {"OTEL_TRACES_EXPORTER": "none"}
    with _started(name, [PEERS[name], "serve", configuration], settings, port, root) as program:
        yield program


@contextmanager
def _started(
    name: str, command: Sequence[str | Path], settings: Mapping[str, str], port: int, root: Path
) -> Iterator[Program]:
    with (
        (root.parent / f"{root.name}-{name}.log").open("wb") as log,
        subprocess.Popen(
            command,
            env={**os.environ, **settings},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        ) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(f"{url}/v2/", process, Path(log.name))
            yield Program(name, url, process.pid, root)
        finally:
            process.terminate()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(START_SECONDS * 10):
        if process.poll() is not None:
            sys.exit(f"it has ended: {log.read_text()}")
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"nothing answers at {url}: {log.read_text()}")
