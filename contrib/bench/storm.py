#!/usr/bin/env python3
"""Let many clients pull one new image at once, and others push images that share layers.

    pip install psutil requests rich
    PYTHONPATH=. contrib/bench/storm.py --pullers 200 --image 500 --pushers 50 [--no-cache]

Two nodes of ours with one Ceph gateway (``contrib/stacks/ceph.sh up``), each behind a relay that
counts bytes. It tells failures, how long clients took, what came from and went to the store beside
what is distinct, and memory. What was pushed is deleted.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlsplit

import requests
from meter import Meter
from programs import Program, ours
from rich import print as show
from work import MIB, digest_of

from tests.clients import flavors

LAYERS, SHARED = 5, 3
SHARED_BYTES, OWN_BYTES = 20 * MIB, MIB
SECONDS = 600


def pull(address: str) -> None:
    """Read a blob, and have the kernel throw it away: the machine is for the servers."""
    url = urlsplit(address)
    with socket.create_connection((url.hostname, url.port), SECONDS) as connection:
        asked = f"GET {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n"
        connection.sendall(asked.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += (more := connection.recv(4096))
            assert more, "no answer"
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        size = int(head.lower().partition(b"content-length:")[2].split()[0]) - len(body)
        unread = bytearray(MIB)
        while size:
            came = connection.recv_into(unread, min(size, MIB), socket.MSG_TRUNC)
            assert came, f"{size} bytes are missing"
            size -= came


def storm(work: list[Callable[[], object]]) -> str:
    """Do all at once, and tell how many failed and how long the others took."""

    def timed(job: Callable[[], object]) -> float | Exception:
        began = time.perf_counter()
        try:
            job()
        except (AssertionError, OSError) as error:
            return error
        return time.perf_counter() - began

    with ThreadPoolExecutor(len(work)) as pool:
        found = list(pool.map(timed, work))
    took = sorted(one for one in found if isinstance(one, float))
    failed = [one for one in found if isinstance(one, Exception)]
    p99 = took[int(len(took) * 0.99)] if took else 0.0
    median = statistics.median(took) if took else 0.0
    return f"{len(failed)} of {len(work)} failed {failed[:1]}; p50 {median:.1f} s, p99 {p99:.1f} s"


@contextmanager
def nodes(cache: bool) -> Iterator[tuple[Meter, list[Program]]]:
    """Start two nodes on an empty prefix of the store."""
    store = {**flavors.ceph_s3(), "STORAGE_PATH": f"/storm-{uuid.uuid4().hex}"}
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        stack.callback(flavors.clear, dict(store))
        meter = stack.enter_context(Meter(store["AWS_HOST"], int(store["AWS_PORT"])))
        store |= {"AWS_HOST": "127.0.0.1", "AWS_PORT": str(meter.port), "SEARCH_BACKEND": "none"}
        started = []
        for name in ("one", "two"):
            settings = {**store, "CACHE_BLOBS_PATH": str(root / f"{name}-cache") if cache else ""}
            settings |= {"GUNICORN_WORKERS": "2"}
            started.append(stack.enter_context(ours(root / name, **settings)))
        yield meter, started


def push_missing(node: Program, repository: str, layers: list[bytes]) -> None:
    """Push an image as Docker does: a layer that is there already isn't sent."""
    for layer in layers:
        blob = f"{node.url}/v2/{repository}/blobs/{digest_of(layer)}"
        if requests.head(blob, timeout=SECONDS).status_code != 200:
            node.push(layer, repository)
    node.push_image([], repository, uuid.uuid4().hex)


def report(title: str, said: str, meter: Meter, distinct: int, members: list[Program]) -> None:
    moved = ", ".join(f"{meter.bytes[way] / MIB:.0f} MiB {way} the store" for way in ("from", "to"))
    memory = ", ".join(f"{one.memory.largest:.0f}" for one in members)
    show(
        f"{title}: {said}; {moved}, {distinct / MIB:.0f} MiB distinct; largest process {memory} MiB"
    )
    meter.bytes.clear()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pullers", type=int, default=200)
    parser.add_argument("--image", type=int, default=500, help="MiB")
    parser.add_argument("--pushers", type=int, default=50)
    parser.add_argument("--no-cache", action="store_true")
    given = parser.parse_args()
    with nodes(not given.no_cache) as (meter, members):
        layers = [os.urandom(given.image * MIB // LAYERS) for _ in range(LAYERS)]
        paths = [urlsplit(members[0].push(layer, "storm/image")).path for layer in layers]
        meter.bytes.clear()

        def puller(node: Program) -> Callable[[], object]:
            return lambda: [pull(node.url + path) for path in paths]

        said = storm([puller(node) for node in islice(cycle(members), given.pullers)])
        report("pulls", said, meter, given.image * MIB, members)
        shared = [os.urandom(SHARED_BYTES) for _ in range(SHARED)]

        def pusher(number: int) -> Callable[[], object]:
            own = os.urandom(OWN_BYTES)
            node = members[number % len(members)]
            return lambda: push_missing(node, "storm/pushed", [*shared, own])

        distinct = given.pushers * OWN_BYTES
        # At first nobody has what they share. Docker says a layer's digest when it has sent it.
        for title, new in (("pushes, all new", SHARED * SHARED_BYTES), ("pushes on a base", 0)):
            said = storm([pusher(number) for number in range(given.pushers)])
            report(title, said, meter, distinct + new, members)


if __name__ == "__main__":
    main()
