"""Listing a container, and deleting what a listing gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from docker_registry.drivers.azureblob.client import Client
from docker_registry.drivers.azureblob.errors import storage_errors

#: Names that one page may have (Azure's limit).
PAGE = 5000
#: Blobs that one batch may delete (Azure's limit).
BATCH = 256


def entries(client: Client, directory: str, start: str, limit: int) -> Iterator[list[str]]:
    """Give the names below a directory, page by page: of blobs, and of directories with a slash.

    :param directory: empty, or ending with a slash.
    :param start: the listing begins with this name, or behind it.
    :param limit: how many names are wanted.
    """
    with storage_errors(directory):
        found = client.sdk.walk_blobs(
            directory, delimiter="/", start_from=start, results_per_page=min(limit, PAGE)
        )
        for page in found.by_page():
            # The SDK puts directories before blobs.
            yield sorted(item.name for item in page)


def blobs(client: Client, directory: str, limit: int = PAGE) -> Iterator[list[str]]:
    """Give the names of all blobs below a directory, at any depth, page by page."""
    with storage_errors(directory):
        found = client.sdk.list_blob_names(
            name_starts_with=directory, results_per_page=min(limit, PAGE)
        )
        for page in found.by_page():
            yield list(page)


def delete_blobs(client: Client, names: Sequence[str]) -> bool:
    """Delete blobs, some of which may be gone, and tell whether any was there."""
    found = False
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        with storage_errors(batch[0]):
            answers = client.sdk.delete_blobs(
                *batch, delete_snapshots="include", raise_on_any_failure=False
            )
            for answer in answers:
                if answer.status_code == 404:
                    continue
                answer.raise_for_status()
                found = True
    return found
