#!/usr/bin/env python3
"""Compare how fast registries take and give blobs, side by side in one run.

    pip install psutil requests rich
    contrib/bench/transfers.py ours=http://127.0.0.1:5000,PID theirs=http://127.0.0.1:5001,PID

The first registry is compared with each other one, as ratios: above 1 it is faster. Each measure
is the median of several rounds, in which the registries take turns, so that what else the machine
does hits all of them. Blobs are random and pushed as Docker does: POST, one PATCH, PUT.

Of a registry whose process id is given, the most memory is told that it and its children had, in
MiB of proportional set size (proc(5), smaps): what processes share is counted once.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil
import requests
from rich.console import Console
from rich.table import Table

MIB = 1024 * 1024
LARGE, SMALL = 64 * MIB, MIB


#: Seconds between two looks at how much memory a registry has.
GLANCE = 0.2


class Registry:
    """A registry under measurement."""

    def __init__(self, name: str, url: str, pid: str) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self.memory = Memory(int(pid)) if pid else None

    def push(self, data: bytes) -> str:
        """Push a blob into a repository of its own, and give its address."""
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        repository = f"{self.url}/v2/bench/{uuid.uuid4().hex}"
        with requests.Session() as session:
            started = session.post(f"{repository}/blobs/uploads/")
            started.raise_for_status()
            headers = {"Content-Type": "application/octet-stream"}
            sent = session.patch(started.headers["Location"], data=data, headers=headers)
            sent.raise_for_status()
            location = sent.headers["Location"]
            mark = "&" if "?" in location else "?"
            session.put(f"{location}{mark}digest={digest}").raise_for_status()
        return f"{repository}/blobs/{digest}"

    def pull(self, address: str) -> None:
        """Read a blob to its end."""
        with requests.get(address, stream=True) as answer:
            answer.raise_for_status()
            while answer.raw.read(MIB):
                pass


class Memory:
    """How much memory a process and its children have at most, in MiB, from now on."""

    def __init__(self, pid: int) -> None:
        self.peak = 0.0
        self._process = psutil.Process(pid)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            total = 0
            for process in (self._process, *self._process.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    total += process.memory_full_info().pss
            self.peak = max(self.peak, total / MIB)
            time.sleep(GLANCE)


def noise(size: int) -> bytes:
    """Give bytes that no store has seen before: one block, marked anew."""
    return os.urandom(64) + bytes(size - 64)


def pushes(registry: Registry, clients: int) -> float:
    """Give MiB/s of pushes of 64 MiB."""
    blobs = [noise(LARGE) for _ in range(clients)]
    return clients * LARGE / MIB / seconds(lambda: side_by_side(registry.push, blobs))


def pulls(registry: Registry, clients: int) -> float:
    """Give MiB/s of pulls of 64 MiB."""
    addresses = [registry.push(noise(LARGE))] * clients
    return clients * LARGE / MIB / seconds(lambda: side_by_side(registry.pull, addresses))


def small_layers(registry: Registry, _clients: int) -> float:
    """Give images/s whose ten layers of 1 MiB are pushed three at a time, as Docker does."""
    blobs = [noise(SMALL) for _ in range(10)]

    def image() -> None:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(registry.push, blobs))

    return 1 / seconds(image)


def side_by_side(work: Callable[..., object], items: list[object]) -> None:
    """Do all at once."""
    with ThreadPoolExecutor(len(items)) as pool:
        list(pool.map(work, items))


def seconds(work: Callable[[], object]) -> float:
    """Give how long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


MEASURES: dict[str, tuple[Callable[[Registry, int], float], int]] = {
    "push 64 MiB, 1 client, MiB/s": (pushes, 1),
    "push 64 MiB, 4 clients, MiB/s": (pushes, 4),
    "pull 64 MiB, 1 client, MiB/s": (pulls, 1),
    "pull 64 MiB, 4 clients, MiB/s": (pulls, 4),
    "push 10 layers of 1 MiB, images/s": (small_layers, 1),
}


def compare(registries: list[Registry], rounds: int) -> Iterator[tuple[str, list[float]]]:
    """Give each measure's median for each registry."""
    for title, (measure, clients) in MEASURES.items():
        found: dict[str, list[float]] = {registry.name: [] for registry in registries}
        for _ in range(rounds):
            for registry in registries:
                found[registry.name].append(measure(registry, clients))
        yield title, [statistics.median(found[registry.name]) for registry in registries]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("registries", nargs="+", metavar="NAME=URL[,PID]")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    registries = []
    for given in arguments.registries:
        name, _, place = given.partition("=")
        url, _, pid = place.partition(",")
        registries.append(Registry(name, url, pid))
    table = Table("", *(registry.name for registry in registries), "ratios")
    for title, medians in compare(registries, arguments.rounds):
        ratios = ", ".join(f"{medians[0] / other:.2f}" for other in medians[1:])
        table.add_row(title, *(f"{value:.1f}" for value in medians), ratios)
    peaks = [registry.memory.peak if registry.memory else None for registry in registries]
    table.add_row("peak memory, MiB", *(f"{peak:.0f}" if peak else "" for peak in peaks))
    Console().print(table)


if __name__ == "__main__":
    main()
