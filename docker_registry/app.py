"""The application: settings in, WSGI out."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from docker_registry import auth, drivers, extensions, search
from docker_registry.api import (
    access,
    audit,
    caching,
    errors,
    headers,
    health,
    permissions,
    token,
    v1,
    v2,
)
from docker_registry.api.context import Context
from docker_registry.api.express import Express
from docker_registry.api.proxies import ProxyHeaders
from docker_registry.api.readiness import Readiness
from docker_registry.api.request import Request
from docker_registry.auth import tokens
from docker_registry.config import Settings
from docker_registry.config.unserved import refuse_unsafe
from docker_registry.drivers.alternate import Chain
from docker_registry.drivers.base import Driver
from docker_registry.extensions import Hooks
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.registry.blob_cache import BlobCache
from docker_registry.registry.manifest_urls import LayerUrls
from docker_registry.registry.shared_uploads import SharedUploads
from docker_registry.registry.write_once import WriteOnce
from docker_registry.search.base import SearchIndex
from docker_registry.upkeep.heal import Heal
from docker_registry.upkeep.index import IndexReconciliation, IndexRepair
from docker_registry.upkeep.keys import KeyRotation
from docker_registry.upkeep.pushes import PushPurge
from docker_registry.upkeep.schedule import Rhythm, Scheduler
from docker_registry.upkeep.sweep import Sweep
from docker_registry.upkeep.uploads import UploadPurge

#: How often idle uploads are looked for, in seconds.
PURGE_EVERY = 24 * 3600
#: How often the search index is compared with all of the storage, in seconds.
RECONCILE_EVERY = 24 * 3600
#: How often alternates are asked for what is to be brought home, in seconds.
HEAL_EVERY = 30
#: How often the search index catches up with what it missed, in seconds.
REPAIR_EVERY = 10
#: How often it is looked whether tokens need another key, in seconds.
ROTATE_EVERY = 3600


class App(Flask):
    """A Flask application whose views and hooks are all plain functions.

    :ivar express: answers common reads before Flask sees them.
    """

    express: Express

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Give the function: Flask would look at each of them, in each request, for a coroutine."""
        return func


def create_app(settings: Settings) -> App:
    """Build a registry and the application that serves it.

    :raises ConfigError: a setting can't be used.
    """
    refuse_unsafe(settings)
    write_once = WriteOnce.read(settings.write_once)
    driver = drivers.create(settings)
    registry = Registry(
        driver,
        sparse_indexes=settings.sparse_indexes,
        layer_urls=LayerUrls(settings.manifest_url_allow, settings.manifest_url_deny),
        write_once=write_once,
        cache_bytes=settings.cache_manifest_bytes,
        **_on_this_disk(settings, driver),
    )
    legacy = LegacyStore(registry.driver, settings.upload_max_age or math.inf, write_once)
    index = search.create(settings, registry, legacy)
    extensions.connect(settings, Hooks(v1=legacy.events, v2=registry.events))
    app = App(__name__, static_folder=None)
    app.request_class = Request
    # A doubled slash is a wrong path, not a reason to send the client elsewhere.
    app.url_map.merge_slashes = False
    authority = auth.create(settings, registry.driver)
    served = Context(settings, registry, legacy, index, Readiness(registry.driver), authority)
    served.install(app)
    errors.register(app)
    access.install(app)
    audit.install(app)
    caching.install(app)
    permissions.install(app, settings)
    headers.install(app, settings.response_headers)
    for blueprint in (v2.create_blueprint(), v1.create_blueprint()):
        prefix = settings.url_prefix + (blueprint.url_prefix or "")
        app.register_blueprint(blueprint, url_prefix=prefix or None)
    if authority is not None and authority.issued is not None:
        app.register_blueprint(token.create_blueprint(), url_prefix=settings.url_prefix or None)
    app.register_blueprint(health.create_blueprint())
    upkeep = _upkeep(settings, registry, legacy, index)
    app.before_request(upkeep.ensure_running)
    flask = ProxyHeaders(app.wsgi_app, settings.trusted_proxies, settings.proxy_headers)
    app.express = Express(flask, served, upkeep.ensure_running)
    app.wsgi_app = app.express  # type: ignore[method-assign]
    return app


def _on_this_disk(settings: Settings, driver: Driver) -> dict[str, Any]:
    """Give what a registry over a store that is far away keeps on this machine's disk."""
    if settings.cache_blobs_path is None or driver.is_near:
        return {}
    directory = Path(settings.cache_blobs_path)
    return {
        "blob_cache": BlobCache(directory, settings.cache_blobs_bytes),
        "shared_uploads": SharedUploads(directory / "uploads"),
    }


def _upkeep(
    settings: Settings, registry: Registry, legacy: LegacyStore, index: SearchIndex | None
) -> Scheduler:
    rhythms: list[Rhythm] = []
    if settings.upload_max_age:
        rhythms.append(Rhythm(UploadPurge(registry, settings.upload_max_age), PURGE_EVERY))
        rhythms.append(Rhythm(PushPurge(legacy), PURGE_EVERY))
        rhythms.append(Rhythm(Sweep(registry.driver, settings.upload_max_age), PURGE_EVERY))
    if isinstance(registry.driver, Chain):
        rhythms.append(Rhythm(Heal(registry.driver), HEAL_EVERY))
    if index is not None:
        rhythms.append(Rhythm(IndexReconciliation(index), RECONCILE_EVERY))
        rhythms.append(Rhythm(IndexRepair(index), REPAIR_EVERY))
    if tokens.keys_are_stored(settings):
        keys = tokens.key_store(settings, registry.driver)
        rhythms.append(Rhythm(KeyRotation(keys), ROTATE_EVERY))
    return Scheduler(registry.driver, rhythms)
