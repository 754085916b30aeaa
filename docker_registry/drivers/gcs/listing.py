"""Listing a bucket."""

from __future__ import annotations

from collections.abc import Iterator

from docker_registry.drivers.gcs.client import Client

#: Names that one page may have (the service's limit).
PAGE = 1000


def entries(client: Client, directory: str, start: str, limit: int) -> Iterator[list[str]]:
    """Give the names below a directory, page by page: of objects, and of directories with a slash.

    :param directory: empty, or ending with a slash.
    :param start: the listing begins with this name, or behind it.
    :param limit: how many names are wanted.
    """
    with client.errors(directory):
        found = client.bucket.list_blobs(
            prefix=directory,
            delimiter="/",
            start_offset=start,
            page_size=min(limit, PAGE),
            fields="items(name),prefixes,nextPageToken",
            timeout=client.timeout,
            retry=client.retry,
        )
        for page in found.pages:
            yield sorted([*(item.name for item in page), *page.prefixes])


def objects(client: Client, directory: str, limit: int = PAGE) -> Iterator[list[str]]:
    """Give the names of all objects below a directory, at any depth, page by page."""
    with client.errors(directory):
        found = client.bucket.list_blobs(
            prefix=directory,
            page_size=min(limit, PAGE),
            fields="items(name),nextPageToken",
            timeout=client.timeout,
            retry=client.retry,
        )
        for page in found.pages:
            yield [item.name for item in page]
