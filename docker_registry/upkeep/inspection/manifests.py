"""What a manifest says, and whether the store has it."""

from __future__ import annotations

from collections.abc import Iterator

from docker_registry.errors import ManifestInvalid, PathNotFound
from docker_registry.registry import layout
from docker_registry.registry.manifest import Descriptor, Manifest
from docker_registry.registry.names import Digest, RepositoryName
from docker_registry.upkeep.inspection.contents import Contents
from docker_registry.upkeep.inspection.findings import Finding

#: What is longer than this, in bytes, is not read as a manifest.
MOST_BYTES = 64 * 1024 * 1024


class ManifestInspection:
    """Reads manifests, and looks for all that they refer to.

    :param sparse_indexes: whether an index may name manifests that are not in its repository.
    """

    def __init__(self, contents: Contents, sparse_indexes: bool) -> None:
        self._contents = contents
        self._sparse_indexes = sparse_indexes

    def look(
        self, repository: RepositoryName, path: str, digest: Digest, stored: Digest
    ) -> Iterator[Finding]:
        """Look at one manifest.

        :param path: of the link that says that it is in the repository.
        :param stored: digest under which its bytes are stored.
        """
        mend = f"push the image again, or delete it: DELETE /v2/{repository}/manifests/{digest}"
        try:
            with self._contents.driver.reader(layout.blob(stored)) as reader:
                # What is longer is no manifest, and may be a layer.
                content = b"".join(reader) if reader.size <= MOST_BYTES else b""
        except PathNotFound:
            what = f"the link dangles: the content of the manifest {stored} is missing"
            yield Finding(path, what, mend)
            return
        if Digest.of(content, digest.algorithm) != digest:
            what = f"the manifest {stored} has other bytes than its digest says"
            yield Finding(path, f"{what}, and counts as missing", mend)
            return
        try:
            manifest = Manifest.parse(content, digest)
        except ManifestInvalid as error:
            yield Finding(path, f"the manifest can't be served: {error.message}", mend)
            return
        for what in self._missing(repository, manifest):
            yield Finding(path, f"the manifest can't be pulled whole: {what}", mend)

    def _missing(self, repository: RepositoryName, manifest: Manifest) -> Iterator[str]:
        """Say what a manifest refers to and the repository hasn't got, or not in this size."""
        if manifest.config:
            yield from self._blob(repository, "config", manifest.config)
        for layer in manifest.layers:
            if not layer.is_kept_elsewhere:
                yield from self._blob(repository, "layer", layer)
        for child in manifest.manifests:
            if self._contents.has_manifest(repository, child.digest):
                yield from self._content("manifest", child, child.digest)
            elif not self._sparse_indexes:
                yield f"its manifest {child.digest} is not in this repository"

    def _blob(self, repository: RepositoryName, kind: str, part: Descriptor) -> Iterator[str]:
        stored = self._contents.layer(repository, part.digest)
        if stored is None:
            yield f"its {kind} {part.digest} is not in this repository"
        else:
            yield from self._content(kind, part, stored)

    def _content(self, kind: str, part: Descriptor, stored: Digest) -> Iterator[str]:
        size = self._contents.size(stored)
        if size is None:
            yield f"its {kind} {stored} is missing in the store"
        elif size != part.size:
            yield f"its {kind} {stored} has {size} bytes and not {part.size}"
