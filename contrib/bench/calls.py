#!/usr/bin/env python3
"""Count what registries ask of their store for each operation of a client, side by side.

    PYTHONPATH=. contrib/bench/calls.py --store 127.0.0.1:7480 \
        ours=http://127.0.0.1:5000=7001 theirs=http://127.0.0.1:5001=7002

A proxy for each registry listens at the port that is given last: start the registries with it as
the address of their store. All requests count, also those that log in; what a registry remembers
of an earlier operation it needn't ask again, so each operation comes twice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable

import requests
from rich.console import Console
from rich.table import Table

from tests.proxy import FaultyProxy

MIB = 1024 * 1024
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


class Client:
    """Does one operation after another in a repository of its own."""

    def __init__(self, url: str) -> None:
        self._base = f"{url.rstrip('/')}/v2/bench/{uuid.uuid4().hex}"
        self._layer = os.urandom(20 * MIB)
        self._config = json.dumps({"noise": uuid.uuid4().hex}).encode()
        self._http = requests.Session()

    def push_as_docker(self) -> None:
        """POST, PATCH, PUT."""
        location = self._ask("POST", "blobs/uploads/").headers["Location"]
        headers = {"Content-Type": "application/octet-stream"}
        sent = self._http.patch(location, data=self._layer, headers=headers)
        sent.raise_for_status()
        location = sent.headers["Location"]
        mark = "&" if "?" in location else "?"
        self._http.put(f"{location}{mark}digest={_digest(self._layer)}").raise_for_status()

    def push_config(self) -> None:
        """POST, PUT: a small blob, in one piece."""
        location = self._ask("POST", "blobs/uploads/").headers["Location"]
        mark = "&" if "?" in location else "?"
        sent = self._http.put(f"{location}{mark}digest={_digest(self._config)}", data=self._config)
        sent.raise_for_status()

    def push_manifest(self) -> None:
        """PUT an image of both blobs."""
        self._ask(
            "PUT", "manifests/latest", data=self._manifest(), headers={"Content-Type": MANIFEST}
        )

    def get_manifest(self) -> None:
        """GET it by its tag."""
        self._ask("GET", "manifests/latest", headers={"Accept": MANIFEST})

    def head_manifest(self) -> None:
        """HEAD it by its tag."""
        self._ask("HEAD", "manifests/latest", headers={"Accept": MANIFEST})

    def head_blob(self) -> None:
        """HEAD the layer."""
        self._ask("HEAD", f"blobs/{_digest(self._layer)}")

    def get_blob(self) -> None:
        """GET the layer."""
        self._ask("GET", f"blobs/{_digest(self._layer)}")

    def _manifest(self) -> bytes:
        def describe(media_type: str, data: bytes) -> dict[str, object]:
            return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}

        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": describe(CONFIG, self._config),
            "layers": [describe(LAYER, self._layer)],
        }
        return json.dumps(document).encode()

    def _ask(self, method: str, path: str, **arguments: object) -> requests.Response:
        # Redirections are not followed: where they lead is not the registry.
        answer = self._http.request(
            method, f"{self._base}/{path}", allow_redirects=False, **arguments
        )
        answer.raise_for_status()
        return answer


OPERATIONS: dict[str, Callable[[Client], None]] = {
    "push a layer of 20 MiB (POST, PATCH, PUT)": Client.push_as_docker,
    "push a config (POST, PUT)": Client.push_config,
    "PUT manifest": Client.push_manifest,
    "GET manifest by tag": Client.get_manifest,
    "HEAD manifest by tag": Client.head_manifest,
    "HEAD blob": Client.head_blob,
    "GET blob": Client.get_blob,
}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def count(client: Client, proxy: FaultyProxy, operation: Callable[[Client], None]) -> str:
    """Give how many requests an operation needs, by method."""
    proxy.forget()
    operation(client)
    # What is asked behind the answer belongs to it too.
    time.sleep(0.5)
    methods = Counter(proxy.methods())
    kinds = ", ".join(f"{number} {method}" for method, number in sorted(methods.items()))
    return f"{methods.total()} ({kinds})" if methods else "0"


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", required=True, metavar="HOST:PORT")
    parser.add_argument("registries", nargs="+", metavar="NAME=URL=PORT")
    arguments = parser.parse_args()
    host, _, port = arguments.store.rpartition(":")
    places = [given.split("=", 2) for given in arguments.registries]
    proxies = [FaultyProxy(host, int(port), int(listen)) for _, _, listen in places]
    input("The proxies listen: start the registries, and press Enter. ")
    clients = [Client(url) for _, url, _ in places]
    table = Table("", *(name for name, _, _ in places))
    for title, operation in OPERATIONS.items():
        for again in ("", ", again"):
            row = [
                count(client, proxy, operation)
                for client, proxy in zip(clients, proxies, strict=True)
            ]
            table.add_row(title + again, *row)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
