"""What a list of a repository's tags tells of where they point, without reading each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from docker_registry.registry.names import Digest


def may_point_to(digest: Digest, objects: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Give the names of tags, but for those that are shown to point to another manifest.

    A tag's history holds each digest that the tag ever had in a link of its own, and a link's path
    says which. So if a tag's current link has the fingerprint of one of them, it holds that one.

    :param objects: see ``Driver.fingerprints``, of the directory of tags.
    """
    for name, links in groupby(objects, key=lambda one: one[0].partition("/")[0]):
        current: str | None = None
        history: dict[str, set[str]] = {}
        for path, fingerprint in links:
            match path.split("/")[1:]:
                case ["current", "link"]:
                    current = fingerprint
                case ["index", algorithm, value, "link"]:
                    history.setdefault(fingerprint, set()).add(f"{algorithm}:{value}")
        if current is not None and digest in history.get(current, {digest}):
            yield name
