"""V1 layers become blobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from docker_registry.errors import BlobUnknown, LayerInvalid, StorageError
from docker_registry.legacy import layout as v1
from docker_registry.legacy.compression import decompress
from docker_registry.legacy.errors import ImageUnknown
from docker_registry.legacy.images import Images
from docker_registry.legacy.migration.content import Content, examine, gzipped
from docker_registry.legacy.migration.outcome import NotMigrated
from docker_registry.legacy.migration.records import KEPT, Layer, LayerRecords
from docker_registry.legacy.names import ImageId
from docker_registry.registry import Registry, layout
from docker_registry.registry.names import Digest, RepositoryName, UploadId


class Layers:
    """The layers of V1 images, each read once.

    :param watch: is told how many bytes were read, as they come.
    """

    def __init__(self, registry: Registry, images: Images, watch: Callable[[int], object]) -> None:
        self._registry = registry
        self._images = images
        self._watch = watch
        self._records = LayerRecords(registry.driver)
        self._known: dict[ImageId, Layer] = {}

    def known(self, image: ImageId) -> Layer | None:
        """Give what is known of a layer without reading it; ``NotMigrated`` if it is missing."""
        if image in self._known:
            return self._known[image]
        facts = self._facts(image)
        layer = self._records.get(image)
        if layer is None or (layer.source_size, layer.checksums) != facts:
            return None
        if layer.is_recompressed and not self._is_stored(layer):
            return None
        self._known[image] = layer
        return layer

    def get(self, repository: RepositoryName, image: ImageId) -> Layer:
        """Give what is known of a layer; read it if need be.

        One that is compressed in a way that today's clients don't take becomes a blob of the
        repository by this.

        :raises NotMigrated: it is missing, or damaged.
        """
        layer = self.known(image)
        if layer is None:
            layer = self._read(repository, image)
            self._records.put(image, layer)
            self._known[image] = layer
        return layer

    def place(self, repository: RepositoryName, image: ImageId, layer: Layer) -> None:
        """See to it that the layer is a blob of the repository, unless nothing is in it."""
        if layer.is_empty or has_blob(self._registry, repository, layer.blob, layer.size):
            return
        if not self._is_stored(layer):
            path = layout.blob(layer.blob)
            directory = layout.upload(repository, UploadId.new())
            self._registry.driver.copy(directory, v1.layer(image), path)
            if self._registry.driver.stat(path).size != layer.size:
                raise NotMigrated(f"the layer of the image {image} was changed meanwhile")
        self._registry.blobs.add(repository, layer.blob, layer.size)

    def _facts(self, image: ImageId) -> tuple[int, tuple[str, ...]]:
        """Give what would differ if the image had been pushed again."""
        try:
            return self._images.layer_size(image), tuple(self._images.checksums(image))
        except ImageUnknown:
            raise NotMigrated(f"the image {image} has no layer") from None

    def _is_stored(self, layer: Layer) -> bool:
        try:
            return self._registry.blobs.size(layer.blob) == layer.size
        except BlobUnknown:
            return False

    def _read(self, repository: RepositoryName, image: ImageId) -> Layer:
        size, checksums = self._facts(image)
        try:
            with self._images.layer(image) as reader:
                content = examine(self._images.json(image), self._watched(reader))
        except LayerInvalid as error:
            raise NotMigrated(f"the layer of the image {image}: {error}") from error
        _check(image, content, size, checksums)
        blob, blob_size = content.digest, content.size
        if content.compression not in KEPT and not content.is_empty:
            blob, blob_size = self._compress(repository, image)
        return Layer(
            content.size,
            checksums,
            content.diff_id,
            blob,
            blob_size,
            content.compression,
            content.is_empty,
        )

    def _compress(self, repository: RepositoryName, image: ImageId) -> tuple[Digest, int]:
        """Make a blob of a layer, compressed with gzip, and give its digest and its size."""
        uploads = self._registry.uploads
        session = uploads.start(repository)
        try:
            with self._images.layer(image) as reader:
                session = uploads.append(session, gzipped(decompress(self._watched(reader))))
            assert session.digest is not None, "it was computed as the bytes came"
            return session.digest, uploads.finish(session, session.digest)
        except BaseException:
            with suppress(StorageError):
                uploads.cancel(session)
            raise

    def _watched(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._watch(len(chunk))
            yield chunk


def has_blob(registry: Registry, repository: RepositoryName, digest: Digest, size: int) -> bool:
    """Tell whether a repository has a blob, of ``size`` bytes."""
    try:
        return registry.blobs.stat(repository, digest) == size
    except BlobUnknown:
        return False


def _check(image: ImageId, content: Content, size: int, checksums: tuple[str, ...]) -> None:
    if content.size != size:
        raise NotMigrated(f"the layer of the image {image} was changed meanwhile")
    # Old versions kept a tarsum beside it, or nothing else.
    wanted = [checksum for checksum in checksums if checksum.startswith("sha256:")]
    if wanted and content.checksum not in wanted:
        raise NotMigrated(
            f"the image {image} is damaged: its checksum is {content.checksum}, and was "
            f"{' or '.join(wanted)} when it was pushed (see {v1.checksums(image)})"
        )
