#!/usr/bin/env python3
"""Fill a local store with many repositories, or with one that has many tags.

    contrib/bench/stores.py --repositories 10000 --tags 10000 /srv/registry
    contrib/bench/stores.py --index 1000000 sqlite:////srv/registry/docker/registry/ours/search.db

The tree is what a push of the same one small image under all names leaves (links only differ in
where they are). ``--index`` fills the search index alone, for what only asks the index.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from itertools import islice, repeat
from pathlib import Path

from sqlalchemy import insert
from work import MANIFEST, digest_of, manifest

from docker_registry.drivers.base import Driver
from docker_registry.registry import layout
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.search import models
from docker_registry.search.database import Database, parse_url
from docker_registry.search.document import document
from docker_registry.upkeep.index import IndexReconciliation
from docker_registry.upkeep.pushes import PushPurge
from docker_registry.upkeep.sweep import Sweep
from docker_registry.upkeep.uploads import UploadPurge

CONFIG, LAYER = b"{}", b"a small layer"
IMAGE = manifest(CONFIG, [LAYER])
MANY_TAGS = RepositoryName("bench/many-tags")
BATCH = 10_000
#: How many repositories, or tags, a process writes before it takes others.
PART = 1000
#: How many objects a process puts at a time.
WRITERS = 8
#: What writes objects, given by their paths and contents.
Writer = Callable[[Iterable[tuple[str, bytes]]], None]
_WORDS = (
    *("api", "base", "build", "cache", "debian", "nginx", "proxy", "python"),
    *("queue", "redis", "tools", "ubuntu", "web", "worker", "zeppelin"),
)


def repository(number: int) -> RepositoryName:
    """Give the name of one of many repositories: a hundred to each team."""
    word = _WORDS[number % len(_WORDS)]
    return RepositoryName(f"team{number // 100:05}/{word}-{number:07}")


def tag(number: int) -> str:
    """Give the name of one of many tags."""
    return f"v{number:06}"


def fill(write: Writer, repositories: int, tags: int) -> None:
    """Write a store, with one process for each CPU."""
    write(common())
    with ProcessPoolExecutor() as pool:
        for part, number in ((_fill_images, repositories), (_fill_tags, tags)):
            list(pool.map(part, repeat(write), _ranges(number)))


def files(root: Path) -> Writer:
    """Give what writes the objects of a local store."""
    return partial(_write_all, root)


def objects(opened: Callable[[], AbstractContextManager[Driver]]) -> Writer:
    """Give what writes objects by a driver, which each process opens for itself."""
    return partial(_put_all, opened)


def _ranges(number: int) -> Iterator[range]:
    return (range(at, min(at + PART, number)) for at in range(0, number, PART))


def _fill_images(write: Writer, numbers: range) -> None:
    write(images(numbers))


def _fill_tags(write: Writer, numbers: range) -> None:
    write(image_of_many_tags(numbers))


def _write_all(root: Path, contents: Iterable[tuple[str, bytes]]) -> None:
    for path, content in contents:
        _write(f"{root}/{path}", content)


def _put_all(
    opened: Callable[[], AbstractContextManager[Driver]], contents: Iterable[tuple[str, bytes]]
) -> None:
    with opened() as driver, ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda one: driver.put_content(*one), contents))


def common() -> Iterator[tuple[str, bytes]]:
    """Give paths and contents of what belongs to no repository."""
    for content in (CONFIG, LAYER, IMAGE):
        yield layout.blob(Digest(digest_of(content))), content
    # What is done once a day was done a moment ago, as in nearly every minute of a store in use.
    for job in (IndexReconciliation, PushPurge, Sweep, UploadPurge):
        yield layout.last_run(job.name), json.dumps({"started": time.time()}).encode()


def images(numbers: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Give paths and contents of repositories with one image each."""
    for number in numbers:
        yield from _image(repository(number), ["latest"])


def image_of_many_tags(numbers: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Give paths and contents of some tags of the repository that has many, and of its image."""
    return _image(MANY_TAGS, map(tag, numbers))


def _image(name: RepositoryName, tags: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    digest = Digest(digest_of(IMAGE))
    link = digest.encode()
    for content in (CONFIG, LAYER):
        blob = Digest(digest_of(content))
        yield layout.layer_link(name, blob), blob.encode()
    yield layout.revision_link(name, digest), link
    for one in map(Tag, tags):
        yield layout.tag_link(name, one), link
        yield layout.tag_history_link(name, one, digest), link


def _write(place: str, content: bytes) -> None:
    # Paths are text here: objects of pathlib take longer than the files.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        file = os.open(place, flags, 0o644)
    except FileNotFoundError:
        _make_directory(place.rpartition("/")[0])
        file = os.open(place, flags, 0o644)
    os.write(file, content)
    os.close(file)


def _make_directory(place: str) -> None:
    """Make a directory, which mostly isn't there, below those that mostly are."""
    try:
        os.mkdir(place)  # noqa: PTH102
    except FileNotFoundError:
        _make_directory(place.rpartition("/")[0])
        _make_directory(place)
    except FileExistsError:
        pass  # By another process.


def index_file(directory: Path, repositories: int, tags: int) -> Path:
    """Give a SQLite index of such a store, which is made once and kept to be copied."""
    kept = directory / f"index-{repositories}-{tags}.db"
    if not kept.exists():
        made = kept.with_suffix(".new")
        made.unlink(missing_ok=True)
        fill_index(f"sqlite:///{made}", repositories, tags)
        made.rename(kept)
    return kept


def fill_index(url: str, repositories: int, tags: int = 0) -> None:
    """Write what the index has of such a store, and call it whole."""
    database = Database(parse_url(url))
    choose = random.Random(1)
    names = [repository(number) for number in range(repositories)] + [MANY_TAGS] * bool(tags)
    digest, now = digest_of(IMAGE), datetime.now(UTC).replace(tzinfo=None)

    def rows_of_tags() -> Iterator[dict[str, object]]:
        for number in range(repositories):
            yield {"repository_id": number + 1, "name": "latest"}
        for number in range(tags):
            yield {"repository_id": repositories + 1, "name": tag(number)}

    ids = range(1, len(names) + 1)
    image = {"digest": digest, "media_type": MANIFEST}
    _insert(database, models.Repository, map(partial(_row, choose), ids, names))
    _insert(database, models.Manifest, (image | {"repository_id": one} for one in ids))
    pushed = {"digest": digest, "pushed": now}
    _insert(database, models.Tag, (pushed | one for one in rows_of_tags()))
    with database.write() as session:
        session.merge(models.Progress(id=1, complete=True))
    database.close()


def _insert(
    database: Database, model: type[models.Base], rows: Iterator[dict[str, object]]
) -> None:
    while batch := list(islice(rows, BATCH)):
        with database.write() as session:
            session.execute(insert(model), batch)


def _row(choose: random.Random, id_: int, name: RepositoryName) -> dict[str, object]:
    description = " ".join(choose.sample(_WORDS, 4))
    tags = [f"{choose.randrange(10)}.{choose.randrange(100)}" for _ in range(3)]
    return {
        "id": id_,
        "name": name,
        "todays": True,
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
        fill(files(Path(arguments.place)), arguments.repositories, arguments.tags)


if __name__ == "__main__":
    main()
