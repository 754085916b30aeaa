"""What a registry is, without HTTP and without a backend."""

from __future__ import annotations

from docker_registry.drivers.base import Driver
from docker_registry.registry.blob_cache import BlobCache
from docker_registry.registry.blobs import Blobs
from docker_registry.registry.cache import ManifestCache
from docker_registry.registry.events import Events
from docker_registry.registry.manifest_urls import LayerUrls
from docker_registry.registry.manifests import Manifests
from docker_registry.registry.referrers import Referrers
from docker_registry.registry.repositories import Repositories
from docker_registry.registry.shared_uploads import SharedUploads
from docker_registry.registry.tags import Tags
from docker_registry.registry.uploads import Uploads
from docker_registry.registry.write_once import WriteOnce


class Registry:
    """All resources of a registry over one store.

    :param sparse_indexes: whether a manifest may name what is not in the repository.
    :param layer_urls: which URLs a manifest may have for its layers; by default any.
    :param write_once: the tags that can't be moved; by default all can.
    :param cache_bytes: budget, in bytes, of the process's cache of immutable manifests.
    :param blob_cache: keeps blobs nearer than the store, if anything does.
    :param shared_uploads: finds out which uploads are of the same bytes, if anything does.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        sparse_indexes: bool = False,
        layer_urls: LayerUrls | None = None,
        write_once: WriteOnce | None = None,
        cache_bytes: int = 32 * 1024 * 1024,
        blob_cache: BlobCache | None = None,
        shared_uploads: SharedUploads | None = None,
    ) -> None:
        self.driver = driver
        self.events = Events()
        self.blobs = Blobs(driver, blob_cache)
        self.uploads = Uploads(driver, self.blobs, shared_uploads)
        self.tags = Tags(driver, write_once)
        self.referrers = Referrers(driver)
        self.manifests = Manifests(
            driver,
            blobs=self.blobs,
            tags=self.tags,
            referrers=self.referrers,
            cache=ManifestCache(cache_bytes),
            events=self.events,
            sparse_indexes=sparse_indexes,
            layer_urls=layer_urls or LayerUrls(),
        )
        self.repositories = Repositories(driver, self.events)
