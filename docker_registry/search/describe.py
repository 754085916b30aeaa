"""What the index records of a manifest: what it says itself, and what its image's config says."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from docker_registry.errors import RegistryError, StorageError
from docker_registry.registry import Registry
from docker_registry.registry.manifest import Manifest
from docker_registry.registry.names import Digest, RepositoryName
from docker_registry.search.document import storable
from docker_registry.search.models import KEY_LENGTH

log = logging.getLogger(__name__)

#: A config longer than this, in bytes, isn't read.
MAX_CONFIG = 1024 * 1024
#: Annotations and labels of one manifest that are kept, and the length of each, in characters.
MAX_ANNOTATIONS = 64
MAX_VALUE = 4000
#: Platforms of one index that are kept.
MAX_PLATFORMS = 64
_MAX_SIZE = 2**63 - 1

# OCI image specification 1.1, annotations.md.
CREATED = "org.opencontainers.image.created"


@dataclass(frozen=True)
class Description:
    """What the index records of one manifest; see ``models.Manifest`` for the fields."""

    media_type: str = ""
    artifact_type: str | None = None
    size: int | None = None
    created: datetime | None = None
    platforms: tuple[tuple[str, str, str], ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)


def describe(registry: Registry, repository: RepositoryName, digest: Digest) -> Description:
    """Read what there is to say of a manifest; nothing, where it can't be read."""
    try:
        manifest = registry.manifests.get(repository, digest)
    except RegistryError:
        return Description()
    image = _first_image(registry, repository, manifest) if manifest.is_index else manifest
    config = _read_config(registry, repository, image) if image else {}
    texts = {**_labels(config), **(image.annotations if image else {}), **manifest.annotations}
    described = manifest.descriptor()
    return Description(
        media_type=described.media_type,
        artifact_type=storable(described.artifact_type or "", KEY_LENGTH) or None,
        size=None if manifest.is_index else _size(manifest),
        created=_time(manifest.annotations.get(CREATED)) or _time(config.get("created")),
        platforms=tuple(dict.fromkeys(_platforms(manifest, config)))[:MAX_PLATFORMS],
        annotations=_keep(texts),
    )


def _size(manifest: Manifest) -> int:
    parts = [manifest.config, *manifest.layers]
    return min(_MAX_SIZE, sum(part.size for part in parts if part))


def _first_image(
    registry: Registry, repository: RepositoryName, index: Manifest
) -> Manifest | None:
    """Give the first image of an index: it speaks for all, since labels are the same on each."""
    for child in index.manifests:
        if (child.platform or {}).get("os") == "unknown":
            continue  # BuildKit's attestations.
        try:
            return registry.manifests.get(repository, child.digest)
        except RegistryError:
            return None
    return None


def _read_config(
    registry: Registry, repository: RepositoryName, manifest: Manifest
) -> dict[str, Any]:
    config = manifest.config
    if config is None or config.size > MAX_CONFIG or not config.media_type.endswith("json"):
        return {}
    try:
        with registry.blobs.find(repository, config.digest).open(0, MAX_CONFIG) as reader:
            document = json.loads(b"".join(reader))
    except (RegistryError, StorageError, ValueError, RecursionError) as error:
        log.info("the config of %s in %s can't be read: %s", manifest.digest, repository, error)
        return {}
    return document if isinstance(document, dict) else {}


def _labels(config: dict[str, Any]) -> dict[str, str]:
    settings = config.get("config")
    labels = settings.get("Labels") if isinstance(settings, dict) else None
    if not isinstance(labels, dict):
        return {}
    return {key: value for key, value in labels.items() if isinstance(value, str)}


def _platforms(manifest: Manifest, config: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    if manifest.is_index:
        documents = [child.platform for child in manifest.manifests if child.platform]
    else:
        documents = [config]
    for document in documents:
        os, architecture = document.get("os"), document.get("architecture")
        variant = document.get("variant", "")
        if not isinstance(os, str) or not isinstance(architecture, str) or os == "unknown":
            continue
        fields = (os, architecture, variant if isinstance(variant, str) else "")
        yield tuple(storable(field, KEY_LENGTH) for field in fields)  # type: ignore[misc]


def _time(text: Any) -> datetime | None:
    """Read an RFC 3339 time as UTC; builds that hide theirs say the year 1."""
    try:
        moment = datetime.fromisoformat(text)
        utc = moment.astimezone(UTC).replace(tzinfo=None)
    except (TypeError, ValueError, OverflowError):
        return None
    return utc if utc.year >= 1970 else None


def _keep(texts: Mapping[str, str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    # The standard annotations first, so that they are among those kept.
    for key in sorted(texts, key=lambda key: (not key.startswith("org.opencontainers."), key)):
        if len(kept) == MAX_ANNOTATIONS:
            break
        # MySQL takes keys that differ only in spaces at the end for the same one.
        kept[storable(key, KEY_LENGTH).rstrip(" ")] = storable(texts[key], MAX_VALUE)
    return kept
