"""Downloading a blob in one request.

https://learn.microsoft.com/rest/api/storageservices/get-blob
"""

from __future__ import annotations

from collections.abc import Iterator

from azure.core.rest import HttpResponse

from docker_registry.drivers.azureblob.client import Client
from docker_registry.drivers.azureblob.errors import storage_errors
from docker_registry.drivers.download import Download, byte_range, whole_size
from docker_registry.errors import Unavailable


def download(client: Client, name: str, offset: int, length: int | None, version: str) -> Download:
    """Ask for a part of a blob; ``version`` is its ETag, or empty for whatever is there."""
    wanted = byte_range(offset, length)
    headers = {"Range": wanted} if wanted else {}
    if version:
        headers["If-Match"] = version
    with storage_errors(name):
        response = client.get(name, headers)
        try:
            return _accept(name, response, wanted is not None)
        except BaseException:
            response.close()
            raise


def _accept(name: str, response: HttpResponse, ranged: bool) -> Download:
    status, headers = response.status_code, response.headers
    # 416: the range begins at or behind the end.
    if status != 416:
        response.raise_for_status()
    if status not in ((206, 416) if ranged else (200,)):
        raise Unavailable(f"{name}: an answer {status} that was not asked for")
    size = whole_size(status, headers.get("Content-Range"), headers.get("Content-Length"))
    chunks = iter(()) if status == 416 else _body(name, response)
    return Download(size, headers.get("ETag", ""), chunks, response.close)


def _body(name: str, response: HttpResponse) -> Iterator[bytes]:
    with storage_errors(name):
        yield from response.iter_raw()
