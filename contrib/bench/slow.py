#!/usr/bin/env python3
"""Compare how long small requests take beside slow and idle clients, and without them.

    .venv/bin/python contrib/bench/slow.py --clients 500 --idle 2000

Half of the slow clients pull at 100 kB/s, half push at 100 kB/s in one PATCH; then come clients
that leave their connection open behind a request, and ones that never send any. Each small request
has a connection of its own. Of ours, and of Distribution 3 where it is installed, one after the
other; ours has its default settings.
"""

from __future__ import annotations

import argparse
import http.client
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import crowd
import psutil
from compare import show, table
from programs import CHECKOUT, OURS, PEERS, Program, distribution, ours
from work import MANIFEST, MIB, noise

THEIRS = "Distribution 3"
LAYER = noise(64 * MIB)
SECONDS = 6.0


class Image:
    """An image that is asked for again and again."""

    def __init__(self, registry: Program) -> None:
        self.registry = registry
        self.repository = f"bench/{uuid.uuid4().hex}"
        self.digest = registry.push_image([LAYER], self.repository)
        path = f"/v2/{self.repository}"
        self.content = self._ask("GET", f"{path}/manifests/latest")
        self.blob = registry.push(LAYER, self.repository).removeprefix(registry.url)
        self.requests: dict[str, Callable[[], object]] = {
            "GET a manifest": partial(self._ask, "GET", f"{path}/manifests/latest"),
            "HEAD a blob": partial(self._ask, "HEAD", self.blob),
            "PUT a manifest": partial(self._ask, "PUT", f"{path}/manifests/other", True),
        }

    def _ask(self, method: str, path: str, sends: bool = False) -> bytes:
        connection = http.client.HTTPConnection(urlsplit(self.registry.url).netloc, timeout=60)
        headers = {"Accept": MANIFEST, **({"Content-Type": MANIFEST} if sends else {})}
        connection.request(method, path, self.content if sends else None, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {body!r}")
        return body


def times(ask: Callable[[], object]) -> tuple[float, float]:
    """Give median and 99th percentile of requests one after the other, in ms."""
    taken, end = [], time.monotonic() + SECONDS
    while time.monotonic() < end:
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


@contextmanager
def beside(kind: str, clients: int, image: Image) -> Iterator[None]:
    """Have clients of a kind in a process of their own; those that failed end the run."""
    command = [sys.executable, crowd.__file__, kind, str(clients), image.registry.url, image.blob]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        yield
        process.stdin.close()
        failed = process.stdout.read().decode().strip()
        if failed:
            print(f"{image.registry.name}, {kind}: {failed}", flush=True)


def held(registry: Program) -> tuple[int, int]:
    """Give how many threads and open files a registry's processes have."""
    server = psutil.Process(registry.memory.pid)
    processes = [server, *server.children(recursive=True)]
    return sum(one.num_threads() for one in processes), sum(one.num_fds() for one in processes)


def measure(registry: Program, slow: int, idle: int) -> None:
    """Measure one registry, and print."""
    image = Image(registry)
    crowds = {"slow": slow, "kept": idle, "silent": idle}
    found = {"nobody": {name: times(ask) for name, ask in image.requests.items()}}
    holds = {"nobody": (*held(registry), registry.memory.largest)}
    for kind, number in crowds.items():
        with beside(kind, number, image):
            title = f"{number} {kind}"
            found[title] = {name: times(ask) for name, ask in image.requests.items()}
            holds[title] = (*held(registry), registry.memory.largest)
    made = table(list(found))
    for name in image.requests:
        for which, percentile in enumerate(("median", "p99")):
            values = [by[name][which] for by in found.values()]
            cells = (f"{value:.1f} ({value / values[0]:.1f})" for value in values)
            made.add_row(f"{registry.name}: {name}, {percentile}, ms", *cells)
    for which, title in enumerate(("threads", "open files", "peak memory of one process, MiB")):
        made.add_row(f"{registry.name}: {title}", *(f"{one[which]:.0f}" for one in holds.values()))
    show(made)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=500, help="slow ones")
    parser.add_argument("--idle", type=int, default=2000, help="idle ones, and as many silent ones")
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    (CHECKOUT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="slow-", dir=CHECKOUT / "var") as directory:
        root = Path(directory)
        running: list[AbstractContextManager[Program]] = [ours(root / OURS)]
        if PEERS[THEIRS].exists():
            running.append(distribution(THEIRS, root / "theirs"))
        for one in running:
            with one as registry:
                measure(registry, arguments.clients, arguments.idle)


if __name__ == "__main__":
    main()
