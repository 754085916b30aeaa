"""What V1 has an index server for, where there is none: images of a repository, its privacy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from docker_registry.drivers.base import Driver
from docker_registry.errors import PathNotFound
from docker_registry.legacy import layout
from docker_registry.legacy.errors import BodyInvalid, ImageIdInvalid, RepositoryUnknown
from docker_registry.legacy.events import Events
from docker_registry.legacy.names import ImageId, RepositoryName

#: What is kept of an image: ``id``, and ``checksum`` where a client told one.
Entry = dict[str, str]


class Index:
    """Which images were pushed to which repository, by what clients said."""

    def __init__(self, driver: Driver, events: Events) -> None:
        self._driver = driver
        self._events = events

    def images(self, name: RepositoryName) -> list[Entry]:
        """Give the images; ``RepositoryUnknown`` if there never was a list of them."""
        entries = self._read(name)
        if entries is None:
            raise RepositoryUnknown("images not found")
        return entries

    def add_images(self, name: RepositoryName, said: Any) -> None:
        """Add to the images of a repository what a client says of its push.

        :raises BodyInvalid: it is no list of objects with ids.
        """
        new = _check(said)
        known = self._read(name)
        entries = list(_merge([*new, *(known or [])]))
        self._driver.put_content(layout.index_images(name), json.dumps(entries).encode())
        changed = self._events.repository_created if known is None else None
        self._events.announce(
            changed or self._events.repository_updated,
            namespace=name.namespace,
            repository=name.repository,
            value=entries,
        )

    def is_private(self, name: RepositoryName) -> bool:
        """Whether a repository is marked private, which nothing here goes by."""
        try:
            self._driver.stat(layout.private_flag(name))
        except PathNotFound:
            return False
        return True

    def set_private(self, name: RepositoryName) -> None:
        """Mark a repository private."""
        self._driver.put_content(layout.private_flag(name), b"")

    def set_public(self, name: RepositoryName) -> None:
        """Take the mark away."""
        with suppress(PathNotFound):
            self._driver.delete(layout.private_flag(name))

    def _read(self, name: RepositoryName) -> list[Entry] | None:
        try:
            content = self._driver.get_content(layout.index_images(name))
        except PathNotFound:
            return None
        try:
            stored = json.loads(content)
        except (ValueError, RecursionError):
            return []
        return list(_readable(stored if isinstance(stored, list) else []))


def _check(said: Any) -> list[Entry]:
    if not isinstance(said, list):
        raise BodyInvalid("Invalid data", {"expected": 'a list: [{"id": "…", "checksum": "…"}]'})
    return [_entry(one) for one in said]


def _readable(stored: list[Any]) -> Iterator[Entry]:
    for one in stored:
        with suppress(BodyInvalid):
            yield _entry(one)


def _entry(said: Any) -> Entry:
    try:
        entry: Entry = {"id": ImageId.parse(said["id"])}
    except (TypeError, KeyError, ImageIdInvalid):
        raise BodyInvalid(
            "Invalid data", {"expected": "each image with a valid id", "received": str(said)[:128]}
        ) from None
    checksum = said.get("checksum")
    return {**entry, "checksum": checksum} if checksum and isinstance(checksum, str) else entry


def _merge(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Give one entry an image; one that has a checksum wins."""
    merged: dict[str, Entry] = {}
    for entry in entries:
        if "checksum" not in merged.get(entry["id"], {}):
            merged[entry["id"]] = entry
    yield from merged.values()
