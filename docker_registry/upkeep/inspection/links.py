"""The links of a repository: which blobs and manifests it has, and what its tags point to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from docker_registry.errors import DigestInvalid, TagInvalid
from docker_registry.registry import layout
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.upkeep.inspection.contents import BadLink, Contents
from docker_registry.upkeep.inspection.findings import Finding, Look, Tally
from docker_registry.upkeep.inspection.manifests import ManifestInspection


class LinkInspection:
    """Looks at the links of one repository after another."""

    def __init__(self, contents: Contents, tally: Tally, sparse_indexes: bool) -> None:
        self._contents = contents
        self._driver = contents.driver
        self._tally = tally
        self._manifests = ManifestInspection(contents, sparse_indexes)

    def looks(self, repository: RepositoryName) -> Iterator[Look]:
        """Give a look for each layer, each manifest and each tag."""
        for directory, name in self._named(layout.layers(repository)):
            yield partial(self._layer, directory, name)
        for directory, name in self._named(layout.revisions_root(repository)):
            self._tally.manifests += 1
            yield partial(self._revision, repository, directory, name)
        for tag in self._driver.iterate(layout.tags(repository)):
            self._tally.tags += 1
            yield partial(self._tag, repository, tag)

    def _named(self, directory: str) -> Iterator[tuple[str, str]]:
        """Give the directories below ``<algorithm>/``, and the digest that each is named after."""
        for algorithm in self._driver.iterate(directory):
            for value in self._driver.iterate(f"{directory}/{algorithm}"):
                yield f"{directory}/{algorithm}/{value}", f"{algorithm}:{value}"

    def _layer(self, directory: str, name: str) -> Iterator[Finding]:
        yield from self._contents.temporary_files(directory)
        path = f"{directory}/link"
        try:
            stored = self._stored(path, name)
        except BadLink as error:
            yield Finding(
                path,
                f"{error}: the blob counts as missing in this repository",
                "push the images that need it again, or delete the link",
            )
            return
        if self._contents.size(stored) is None:
            yield Finding(
                path,
                f"the link dangles: the blob {stored} is missing",
                "push the images that need it again, or delete the link",
            )

    def _revision(self, repository: RepositoryName, directory: str, name: str) -> Iterator[Finding]:
        yield from self._contents.temporary_files(directory)
        path = f"{directory}/link"
        try:
            stored = self._stored(path, name)
        except BadLink as error:
            yield Finding(
                path,
                f"{error}: the manifest counts as missing in this repository",
                "push the image again, or delete the link",
            )
            return
        yield from self._manifests.look(repository, path, Digest(name), stored)

    def _tag(self, repository: RepositoryName, name: str) -> Iterator[Finding]:
        try:
            tag = Tag.parse(name)
        except TagInvalid as error:
            yield Finding(
                f"{layout.tags(repository)}/{name}",
                f"no client can ask for a tag of this name ({error.message})",
                "rename the directory, or delete it",
            )
            return
        yield from self._temporary_files_of(repository, tag)
        path = layout.tag_link(repository, tag)
        mend = f"push the tag again, or delete it: DELETE /v2/{repository}/manifests/{tag}"
        try:
            digest = self._contents.read_link(path)
        except BadLink as error:
            yield Finding(path, f"{error}: the tag is listed and points nowhere", mend)
            return
        if not self._contents.has_manifest(repository, digest):
            what = f"the tag dangles: the manifest {digest} is not in this repository"
            yield Finding(path, what, mend)

    def _temporary_files_of(self, repository: RepositoryName, tag: Tag) -> Iterator[Finding]:
        if not self._driver.has_files:
            return
        directory = layout.tag(repository, tag)
        yield from self._contents.temporary_files(f"{directory}/current")
        for history, _ in self._named(f"{directory}/index"):
            yield from self._contents.temporary_files(history)

    def _stored(self, path: str, name: str) -> Digest:
        """Give what a link holds that says that ``name`` is in the repository."""
        try:
            named = Digest.parse(name)
        except DigestInvalid as error:
            raise BadLink(f"{name} is no digest ({error.message})") from None
        stored = self._contents.read_link(path)
        # Distribution stores what was pushed with another algorithm under its sha256.
        if stored != named and stored.algorithm == named.algorithm:
            raise BadLink(f"the link holds another digest, {stored}")
        return stored
