"""The names of repositories, and what else lies among them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from docker_registry.errors import BlobUploadUnknown, NameInvalid
from docker_registry.registry import layout
from docker_registry.registry.names import RepositoryName, UploadId
from docker_registry.upkeep.inspection.contents import Contents
from docker_registry.upkeep.inspection.findings import Finding, Look, Tally
from docker_registry.upkeep.inspection.links import LinkInspection


class RepositoryInspection:
    """Looks at everything below ``repositories/``."""

    def __init__(self, contents: Contents, tally: Tally, sparse_indexes: bool) -> None:
        self._driver = contents.driver
        self._tally = tally
        self._links = LinkInspection(contents, tally, sparse_indexes)

    def looks(self) -> Iterator[Look]:
        """Give looks at all repositories, and at what lies where one should be."""
        for child in self._driver.iterate(layout.REPOSITORIES):
            yield from self._below(child)

    def _below(self, name: str) -> Iterator[Look]:
        """Give looks at a repository, or at a part of names, and at those below it."""
        directory = layout.repository(name)
        try:
            repository = RepositoryName.parse(name)
        except NameInvalid as error:
            yield partial(_misnamed, directory, error.message)
            return
        is_directory = False
        for child in self._driver.iterate(directory):
            is_directory = True
            self._tally.repositories += child == "_manifests"
            if not child.startswith("_"):
                yield from self._below(f"{name}/{child}")
            elif child not in layout.PARTS:
                yield partial(_unknown, f"{directory}/{child}")
        if not is_directory:
            yield partial(_unknown, directory)
            return
        yield from self._links.looks(repository)
        for child in self._driver.iterate(layout.uploads(repository)):
            yield partial(self._upload, f"{layout.uploads(repository)}/{child}", child)

    def _upload(self, directory: str, name: str) -> Iterator[Finding]:
        try:
            UploadId.parse(name)
        except BlobUploadUnknown:
            yield from _unknown(directory)
            return
        if layout.SESSION not in self._driver.list(directory):
            yield Finding(
                directory,
                "an upload that another registry began, and that nobody can go on with",
                "leave it: it is removed when it is older than upload_max_age",
                is_leftover=True,
            )


def _misnamed(directory: str, why: str) -> Iterator[Finding]:
    yield Finding(
        directory,
        f"no client can ask for a repository of this name ({why})",
        "rename the directory, or delete it",
    )


def _unknown(path: str) -> Iterator[Finding]:
    yield Finding(
        path,
        "no registry looks for anything here",
        "delete it, unless you know what it is for",
        is_leftover=True,
    )
