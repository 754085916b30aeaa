"""Downloading an object in one request."""

from __future__ import annotations

from collections.abc import Iterator

import requests
from urllib3.exceptions import HTTPError

from docker_registry.drivers.download import Download, byte_range, whole_size
from docker_registry.drivers.gcs.client import Client
from docker_registry.errors import Unavailable

#: Bytes that are read from a socket at a time.
READ_BYTES = 256 * 1024


def download(client: Client, name: str, offset: int, length: int | None, version: str) -> Download:
    """Ask for a part of an object; ``version`` is its generation, or empty for the current one."""
    wanted = byte_range(offset, length)
    # Without this the service unpacks objects that were stored compressed.
    headers = {"Accept-Encoding": "gzip", **({"Range": wanted} if wanted else {})}
    with client.errors(name):
        response = client.get(name, headers, version)
    try:
        return _accept(client, name, response, wanted is not None)
    except BaseException:
        response.close()
        raise


def _accept(client: Client, name: str, response: requests.Response, ranged: bool) -> Download:
    status, headers = response.status_code, response.headers
    if status not in ((206, 416) if ranged else (200,)):
        raise Unavailable(f"{name}: an answer {status} that was not asked for")
    size = whole_size(status, headers.get("Content-Range"), headers.get("Content-Length"))
    chunks = iter(()) if status == 416 else _body(name, response)
    return Download(size, headers.get("x-goog-generation", ""), chunks, response.close)


def _body(name: str, response: requests.Response) -> Iterator[bytes]:
    try:
        yield from response.raw.stream(READ_BYTES, decode_content=False)
    except HTTPError as error:
        raise Unavailable(f"{name}: the download broke: {error}") from error
