#!/usr/bin/env python3
"""Start ours and Distribution's registries here, give all the same work in turn, and compare.

    make bench
    make bench BENCH="--rounds 7 --only manifest"

All have the same local store: 10,000 repositories, and one with 10,000 tags. Ours syncs to the disk
before it answers, as by default. Distribution 2.8 gives all tags, whatever page is asked for.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import requests
import stores
import transfers
from compare import Measure, ratios, rounds, show, table
from programs import CHECKOUT, OURS, PEERS, Program, distribution, ours
from rates import rate
from work import MANIFEST, MIB, digest_of, noise, seconds

REPOSITORIES = TAGS = 10_000
#: How many pages are asked for at a time.
PAGES = 20
#: How many images are pushed one after another.
IMAGES = 10
#: Of searches: in so many repositories.
FEW, MANY = 10_000, 1_000_000
#: What is searched: a name, a word in one of fifteen repositories, one in nearly all, no match.
QUERIES = ("redis-0000009", "redis", "team", "nowhere")


def small(title: str, path: str, method: str = "GET") -> Measure[Program]:
    """Measure small requests, in requests/s."""
    return Measure(
        f"{method} {title}, requests/s",
        lambda registry: rate(f"{registry.url}{path}", method, MANIFEST),
    )


def page(title: str, path: str) -> Measure[Program]:
    """Measure a page of a list, in pages/s, one after another: some peers read all for each."""

    def take(registry: Program) -> float:
        with requests.Session() as session:

            def get() -> None:
                session.get(f"{registry.url}{path}", timeout=60).raise_for_status()

            get()
            return PAGES / seconds(lambda: [get() for _ in range(PAGES)])

    return Measure(f"GET 100 of 10,000 {title}, pages/s", take)


def image_pushes() -> Measure[Program]:
    """Measure pushes of an image of five layers of 1 MiB, in images/s."""

    def take(registry: Program) -> float:
        def push() -> None:
            layers = [noise(MIB) for _ in range(5)]
            registry.push_image(layers, f"bench/{uuid.uuid4().hex}")

        push()
        return IMAGES / seconds(lambda: [push() for _ in range(IMAGES)])

    return Measure("push an image of five layers of 1 MiB, images/s", take)


def measures() -> Iterator[Measure[Program]]:
    """Give all that is compared."""
    name, image = stores.repository(77), digest_of(stores.IMAGE)
    yield small("manifest by tag", f"/v2/{name}/manifests/latest")
    yield small("manifest by digest", f"/v2/{name}/manifests/{image}")
    yield small("manifest by tag", f"/v2/{name}/manifests/latest", "HEAD")
    yield small("blob", f"/v2/{name}/blobs/{digest_of(stores.LAYER)}", "HEAD")
    yield page("tags", f"/v2/{stores.MANY_TAGS}/tags/list?n=100&last=v004999")
    yield page("repositories", f"/v2/_catalog?n=100&last={stores.repository(5000)}")
    yield transfers.pulls(1)
    yield transfers.pulls(8)
    yield transfers.pushes(1)
    yield transfers.pushes(4)
    yield image_pushes()


def searches(registry: Program) -> Iterator[tuple[str, float]]:
    """Give how long each query takes at best of three, in ms."""
    for query in QUERIES:
        times = []
        for _ in range(3):
            answer = requests.get(f"{registry.url}/v1/search", params={"q": query, "n": 25})
            answer.raise_for_status()
            times.append(answer.elapsed.total_seconds() * 1000)
        yield query, min(times)


def compare(root: Path, number: int, only: str) -> None:
    """Measure all registries in turn, and print."""
    with ExitStack() as stack:
        store = root / "store"
        stores.fill(stores.files(store), REPOSITORIES, TAGS)
        index = shutil.copy(stores.index_file(root.parent, REPOSITORIES, TAGS), root)
        database = {"SQLALCHEMY_INDEX_DATABASE": f"sqlite:///{index}"}
        running = {OURS: stack.enter_context(ours(store, **database))}
        for name, path in PEERS.items():
            if path.exists():
                running[name] = stack.enter_context(distribution(name, store))
        for name in PEERS.keys() - running.keys():
            print(f"{name} is missing ({PEERS[name]}): contrib/stacks/install.sh brings it")
        made = table(list(running))
        for measure in measures():
            if only in measure.title:
                found = rounds(running, measure, number)
                print(measure.title, *map(str, found.values()), ratios(found), sep="  ", flush=True)
                made.add_row(measure.title, *map(str, found.values()), ratios(found))
        for title, peak in (
            ("peak memory of all processes, MiB", lambda one: one.memory.peak),
            ("peak memory of one process, MiB", lambda one: one.memory.largest),
        ):
            made.add_row(title, *(f"{peak(one):.0f}" for one in running.values()))
        show(made)


def compare_searches(root: Path) -> None:
    """Search in few and in many repositories, and print."""
    found: list[dict[str, float]] = []
    for number in (FEW, MANY):
        index = shutil.copy(stores.index_file(root.parent, number, 0), root)
        database = {"SQLALCHEMY_INDEX_DATABASE": f"sqlite:///{index}"}
        with ours(root / f"search-{number}", **database) as registry:
            found.append(dict(searches(registry)))
    made = table([f"{number:,} repositories, ms" for number in (FEW, MANY)])
    for query in QUERIES:
        few, many = (times[query] for times in found)
        made.add_row(f"search {query!r}", f"{few:.1f}", f"{many:.1f}", f"{many / few:.2f}")
    show(made)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="a part of the titles that are wanted")
    parser.add_argument(
        "--directory", type=Path, default=CHECKOUT / "var", help="where stores are made"
    )
    arguments = parser.parse_args()
    arguments.directory.mkdir(exist_ok=True)
    parts: list[Callable[[Path], None]] = [
        lambda root: compare(root, arguments.rounds, arguments.only)
    ]
    if arguments.only in "search":
        parts.append(compare_searches)
    for part in parts:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.directory) as directory:
            part(Path(directory))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
