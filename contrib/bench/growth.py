#!/usr/bin/env python3
"""Measure how long things take in a small store and in a large one, and compare.

    pip install psutil requests rich
    PYTHONPATH=. contrib/bench/growth.py local
    PYTHONPATH=. contrib/bench/growth.py ceph-s3 --sizes 1000 10000

The stores: a local one with the index in SQLite (``local``) or in PostgreSQL (``postgres``), S3 of
Ceph's gateway (``ceph-s3``), and Swift (``swift``); what is not local is what ``make services``
starts. A size is the number of repositories; one more has as many tags, but 100,000 at most.

A million repositories take 20 million files and directories, nearly all of them small: 85 GB, or 17
on an ext4 that keeps most of such ones in their inodes (``mkfs.ext4 -O inline_data -N 25000000``).
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import requests
import stores
from compare import show, table
from programs import CHECKOUT, Program, ours
from sqlalchemy import NullPool, create_engine
from work import MANIFEST, digest_of, manifest, seconds

from docker_registry.search.database import parse_url
from tests.clients import flavors
from tests.tools import require_service

MOST_TAGS = 100_000
TIMES = 15
STARTS = 3
OTHERS = {"ceph-s3": flavors.ceph_s3, "swift": partial(flavors.openstack, "swift")}


@contextmanager
def local_store(root: Path, size: int) -> Iterator[dict[str, str]]:
    """Fill a directory."""
    stores.fill(stores.files(root), size, min(size, MOST_TAGS))
    yield {"STORAGE_PATH": str(root)}


@contextmanager
def other_store(kind: str, size: int) -> Iterator[dict[str, str]]:
    """Fill a part of a store that runs, and clear it at the end."""
    where = {**OTHERS[kind](), "STORAGE_PATH": f"/growth-{uuid.uuid4().hex}"}
    try:
        opened = partial(flavors.driver_of, where)
        with opened() as driver:
            driver.check()
        stores.fill(stores.objects(opened), size, min(size, MOST_TAGS))
        yield where
    finally:
        flavors.clear(where)


@contextmanager
def sqlite(root: Path, size: int) -> Iterator[str]:
    """Copy an index."""
    kept = stores.index_file(root.parent, size, min(size, MOST_TAGS))
    yield f"sqlite:///{shutil.copy(kept, root)}"


@contextmanager
def postgres(size: int) -> Iterator[str]:
    """Fill a database of its own, and drop it at the end."""
    service = parse_url(require_service("postgres")["SQLALCHEMY_INDEX_DATABASE"])
    server = create_engine(service, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    name = f"growth_{secrets.token_hex(8)}"
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        url = service.set(database=name).render_as_string(hide_password=False)
        stores.fill_index(url, size, min(size, MOST_TAGS))
        yield url
    finally:
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def milliseconds(work: Callable[[], object], times: int = TIMES) -> float:
    """Give the median of how long something takes."""
    return 1000 * statistics.median(seconds(work) for _ in range(times))


class Operations:
    """What is done with a registry."""

    def __init__(self, registry: Program, size: int) -> None:
        self._url = registry.url
        self._push_image = registry.push_image
        self._session = requests.Session()
        after = f"/v2/_catalog?n=100&last={stores.repository(size // 2)}"
        tags = (
            f"/v2/{stores.MANY_TAGS}/tags/list?n=100&last={stores.tag(min(size, MOST_TAGS) // 2)}"
        )
        name = stores.repository(size // 2 // 15 * 15 + 9)
        self.all: dict[str, Callable[[], float]] = {
            "catalog, 100 from the middle": self._timed(after),
            "tags, 100 from the middle": lambda: self._known(tags),
            "manifest by tag": self._timed(f"/v2/{name}/manifests/latest"),
            "push an image": lambda: milliseconds(self._push),
            "push a tag where there are many": lambda: milliseconds(self._push_tag),
            "tags, just after that": lambda: statistics.median(self._after_push(tags)),
            "delete a manifest": lambda: statistics.median(self._deletions()),
            "delete a manifest where there are many tags": self._delete_of_many,
            "search a name": self._timed(f"/v1/search?q={name.rpartition('/')[2]}"),
            "search a word of 7 %": self._timed("/v1/search?q=redis"),
            "search a word of all": self._timed("/v1/search?q=team"),
            "search without match": self._timed("/v1/search?q=nowhere"),
            "search two words": self._timed("/v1/search?q=redis+nginx"),
        }

    def _get(self, path: str) -> None:
        self._session.get(self._url + path, headers={"Accept": MANIFEST}).raise_for_status()

    def _timed(self, path: str) -> Callable[[], float]:
        return lambda: milliseconds(lambda: self._get(path))

    def _known(self, path: str) -> float:
        """Give how long a page takes when each worker has had time to know the directory."""
        for _ in range(2):
            milliseconds(lambda: self._get(path))
            time.sleep(3)
        return milliseconds(lambda: self._get(path))

    def _push(self) -> str:
        name = f"growth/{uuid.uuid4().hex}"
        return f"{name}/manifests/{self._push_image([os.urandom(1000)], name)}"

    def _push_tag(self) -> None:
        path = f"{self._url}/v2/{stores.MANY_TAGS}/manifests/{uuid.uuid4().hex}"
        headers = {"Content-Type": MANIFEST}
        self._session.put(path, data=stores.IMAGE, headers=headers).raise_for_status()

    def _after_push(self, path: str) -> Iterator[float]:
        for _ in range(TIMES):
            self._push_tag()
            yield milliseconds(lambda: self._get(path), 1)

    def _delete(self, path: str) -> float:
        return milliseconds(lambda: self._session.delete(path).raise_for_status(), 1)

    def _deletions(self) -> Iterator[float]:
        for _ in range(TIMES):
            yield self._delete(f"{self._url}/v2/{self._push()}")

    def _delete_of_many(self) -> float:
        content = manifest(stores.CONFIG, [stores.LAYER, stores.LAYER])
        path = f"{self._url}/v2/{stores.MANY_TAGS}/manifests/"
        headers = {"Content-Type": MANIFEST}
        self._session.put(f"{path}doomed", data=content, headers=headers).raise_for_status()
        return self._delete(path + digest_of(content))


def measure(kind: str, size: int, root: Path) -> Iterator[tuple[str, float]]:
    """Fill a store, and give what things take there: milliseconds, at last MiB."""
    began = time.perf_counter()
    is_local = kind not in OTHERS
    with ExitStack() as stack:
        filled = local_store(root / "store", size) if is_local else other_store(kind, size)
        environment = stack.enter_context(filled)
        index = postgres(size) if kind == "postgres" else sqlite(root, size)
        environment["SQLALCHEMY_INDEX_DATABASE"] = stack.enter_context(index)
        took = time.perf_counter() - began
        print(f"{kind}, {size:,} repositories: filled in {took:.0f} s", file=sys.stderr, flush=True)

        def start() -> None:
            with ours(root / "store", **environment):
                pass

        yield "start and stop", milliseconds(start, STARTS)
        with ours(root / "store", **environment) as registry:
            for title, take in Operations(registry, size).all.items():
                yield title, take()
            yield "memory of the largest process, MiB", registry.memory.largest


def told(found: Iterator[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Print what is found when it is: to remove a large store takes long."""
    for title, value in found:
        print(f"  {title}: {value:.1f}", file=sys.stderr, flush=True)
        yield title, value


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", choices=["local", "postgres", *OTHERS])
    parser.add_argument("--sizes", type=int, nargs=2, default=[10_000, 100_000])
    parser.add_argument(
        "--directory", type=Path, default=CHECKOUT / "var", help="where stores are made"
    )
    given = parser.parse_args()
    given.directory.mkdir(exist_ok=True)
    found = []
    for size in given.sizes:
        with tempfile.TemporaryDirectory(prefix="growth-", dir=given.directory) as root:
            found.append(dict(told(measure(given.store, size, Path(root)))))
    small, large = found
    made = table([f"{size:,}" for size in given.sizes], "median, ms, with so many stored")
    for title, value in small.items():
        ratio = large[title] / value
        made.add_row(
            f"{given.store}: {title}", f"{value:.1f}", f"{large[title]:.1f}", f"{ratio:.2f}"
        )
    show(made)


if __name__ == "__main__":
    main()
