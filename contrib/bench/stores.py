#!/usr/bin/env python3
"""Fill a local store with many repositories, or with one that has many tags.

    contrib/bench/stores.py --repositories 10000 --tags 10000 /srv/registry
    contrib/bench/stores.py --index 1000000 sqlite:////srv/registry/docker/registry/ours/search.db

The tree is what a push of the same one small image under all names leaves (links only differ in
where they are). ``--index`` fills the search index alone, for what only asks the index.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from sqlalchemy import insert
from work import digest_of, manifest

from docker_registry.registry import layout
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.search import models
from docker_registry.search.database import Database, parse_url
from docker_registry.search.document import document

CONFIG, LAYER = b"{}", b"a small layer"
IMAGE = manifest(CONFIG, [LAYER])
MANY_TAGS = RepositoryName("bench/many-tags")
BATCH = 10_000
_WORDS = (
    *("api", "base", "build", "cache", "debian", "nginx", "proxy", "python"),
    *("queue", "redis", "tools", "ubuntu", "web", "worker", "zeppelin"),
)


def repository(number: int) -> RepositoryName:
    """Give the name of one of many repositories: a hundred to each team."""
    word = _WORDS[number % len(_WORDS)]
    return RepositoryName(f"team{number // 100:05}/{word}-{number:07}")


def fill(root: Path, repositories: int, tags: int) -> None:
    """Write the store."""
    for content in (CONFIG, LAYER, IMAGE):
        _write(root, layout.blob(Digest(digest_of(content))), content)
    for number in range(repositories):
        _image(root, repository(number), ["latest"])
    if tags:
        _image(root, MANY_TAGS, (f"v{number:06}" for number in range(tags)))


def _image(root: Path, name: RepositoryName, tags: Iterator[str] | list[str]) -> None:
    digest = Digest(digest_of(IMAGE))
    link = digest.encode()
    for content in (CONFIG, LAYER):
        blob = Digest(digest_of(content))
        _write(root, layout.layer_link(name, blob), blob.encode())
    _write(root, layout.revision_link(name, digest), link)
    for tag in map(Tag, tags):
        _write(root, layout.tag_link(name, tag), link)
        _write(root, layout.tag_history_link(name, tag, digest), link)


def _write(root: Path, path: str, content: bytes) -> None:
    place = f"{root}/{path}"
    # Paths are text here: objects of pathlib take longer than the files.
    os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
    with open(place, "wb", buffering=0) as file:  # noqa: PTH123
        file.write(content)


def fill_index(url: str, repositories: int) -> None:
    """Write rows of repositories, with the words of three tags each, and call the index whole."""
    database = Database(parse_url(url))
    choose = random.Random(1)
    rows = (_row(repository(number), choose) for number in range(repositories))
    while batch := list(islice(rows, BATCH)):
        with database.write() as session:
            session.execute(insert(models.Repository), batch)
    with database.write() as session:
        session.merge(models.Progress(id=1, complete=True))
    database.close()


def _row(name: RepositoryName, choose: random.Random) -> dict[str, str]:
    description = " ".join(choose.sample(_WORDS, 4))
    tags = [f"{choose.randrange(10)}.{choose.randrange(100)}" for _ in range(3)]
    return {
        "name": name,
        "leaf": name.rpartition("/")[2],
        "title": "",
        "description": description,
        "document": document(name, "", description, ["latest", *tags]),
    }


def main() -> None:
    """Fill what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repositories", type=int, default=0)
    parser.add_argument("--tags", type=int, default=0)
    parser.add_argument("--index", type=int, metavar="REPOSITORIES")
    parser.add_argument("place", help="directory of the store; URL of the database with --index")
    arguments = parser.parse_args()
    if arguments.index:
        fill_index(arguments.place, arguments.index)
    else:
        fill(Path(arguments.place), arguments.repositories, arguments.tags)


if __name__ == "__main__":
    main()
