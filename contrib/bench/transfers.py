#!/usr/bin/env python3
"""Compare how fast registries that run already take and give blobs, side by side in one run.

    pip install psutil requests rich
    contrib/bench/transfers.py ours=http://127.0.0.1:5000,PID theirs=http://127.0.0.1:5001,PID

The first registry is compared with each other one. Blobs are random and pushed as Docker does:
POST, one PATCH, PUT. Of a registry whose process id is given, the most memory is told that it and
its children had, in MiB. ``make bench`` starts registries by itself.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor

from compare import Measure, ratios, rounds, show, table
from memory import Memory
from work import MIB, Registry, noise, seconds, side_by_side

LARGE, SMALL = 64 * MIB, MIB
#: How many large blobs are pushed for one figure, whatever the number of clients.
PUSHES = 4


def pushes(clients: int) -> Measure[Registry]:
    """Measure pushes of 64 MiB, in MiB/s."""

    def take(registry: Registry) -> float:
        blobs = [noise(LARGE) for _ in range(PUSHES)]

        def push() -> None:
            for at in range(0, PUSHES, clients):
                side_by_side(registry.push, blobs[at : at + clients])

        return PUSHES * LARGE / MIB / seconds(push)

    return Measure(f"push 64 MiB, {clients} at a time, MiB/s", take)


def pulls(clients: int) -> Measure[Registry]:
    """Measure pulls of 64 MiB, in MiB/s."""

    def take(registry: Registry) -> float:
        addresses = [registry.push(noise(LARGE))] * clients
        return clients * LARGE / MIB / seconds(lambda: side_by_side(registry.pull, addresses))

    return Measure(f"pull 64 MiB, {clients} at a time, MiB/s", take)


def small_layers(number: int) -> Measure[Registry]:
    """Measure pushes of layers of 1 MiB, three at a time as Docker does, in images/s."""

    def take(registry: Registry) -> float:
        blobs = [noise(SMALL) for _ in range(number)]

        def image() -> None:
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(registry.push, blobs))

        return 1 / seconds(image)

    return Measure(f"push {number} layers of 1 MiB, images/s", take)


MEASURES = (pushes(1), pushes(4), pulls(1), pulls(4), small_layers(10))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("registries", nargs="+", metavar="NAME=URL[,PID]")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    registries: dict[str, Registry] = {}
    memory: dict[str, Memory] = {}
    for given in arguments.registries:
        name, _, place = given.partition("=")
        url, _, pid = place.partition(",")
        registries[name] = Registry(name, url)
        if pid:
            memory[name] = Memory(int(pid))
    made = table(list(registries))
    for measure in MEASURES:
        found = rounds(registries, measure, arguments.rounds)
        made.add_row(measure.title, *map(str, found.values()), ratios(found))
    peaks = (f"{memory[name].peak:.0f}" if name in memory else "" for name in registries)
    made.add_row("peak memory, MiB", *peaks)
    show(made)


if __name__ == "__main__":
    main()
