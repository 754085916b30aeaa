"""What a manifest says: parsing and checking, without storage and without HTTP.

Sources: OCI image specification 1.1 (manifest.md, image-index.md, descriptor.md) and Docker's
image manifest version 2, schema 2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

from docker_registry.errors import DigestInvalid, ManifestInvalid
from docker_registry.registry.names import Digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

#: Types of one image or artifact: a config and layers.
IMAGE_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
#: Types of a list of manifests.
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})

_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"
_SCHEMA_1_MEND = (
    "this is a Docker schema 1 manifest, which no client needs since Docker 1.10: pull the image "
    "with a current client and push it again, or convert it (for instance with "
    "'skopeo copy --format oci')"
)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A reference to content (OCI image specification 1.1, descriptor.md).

    :ivar size: in bytes.
    :ivar urls: where clients may fetch it from, instead of the registry.
    """

    media_type: str
    digest: Digest
    size: int
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, Any] | None = None
    urls: tuple[str, ...] = ()

    @property
    def is_kept_elsewhere(self) -> bool:
        """Whether the content may lie outside any registry (non-distributable layers)."""
        return "nondistributable" in self.media_type or "foreign" in self.media_type

    def to_json(self) -> dict[str, Any]:
        """Give the descriptor as the specification writes it."""
        document: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
        }
        if self.artifact_type:
            document["artifactType"] = self.artifact_type
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        if self.platform:
            document["platform"] = dict(self.platform)
        return document


@dataclass(frozen=True)
class Manifest:
    """A manifest as it was pushed, byte for byte, and what it says.

    Made by ``Manifest.parse``, which checks everything that this class then gives.
    """

    digest: Digest
    media_type: str
    content: bytes = field(repr=False)

    @classmethod
    def parse(cls, content: bytes, digest: Digest, media_type: str | None = None) -> Manifest:
        """Read a manifest.

        :param media_type: what the client says it is; without it, the content decides.
        :raises ManifestInvalid: it can't be read, or can be read in more than one way.
        """
        document = _load(content)
        manifest = cls(digest, _decide_media_type(document, media_type), content)
        manifest.__dict__["document"] = document
        _check_shape(document, manifest.media_type)
        _ = (manifest.config, manifest.layers, manifest.manifests, manifest.subject)
        _ = manifest.annotations
        return manifest

    @cached_property
    def document(self) -> dict[str, Any]:
        """The parsed JSON."""
        return _load(self.content)

    @property
    def is_index(self) -> bool:
        """Whether this is a list of manifests."""
        return self.media_type in INDEX_TYPES

    @cached_property
    def config(self) -> Descriptor | None:
        """The config of an image or artifact."""
        return _descriptor(self.document, "config")

    @cached_property
    def layers(self) -> tuple[Descriptor, ...]:
        """The layers of an image or artifact, the base first."""
        return _descriptors(self.document, "layers")

    @cached_property
    def manifests(self) -> tuple[Descriptor, ...]:
        """The children of an index."""
        return _descriptors(self.document, "manifests")

    @cached_property
    def subject(self) -> Descriptor | None:
        """The manifest that this one is about."""
        return _descriptor(self.document, "subject")

    @cached_property
    def annotations(self) -> Mapping[str, str]:
        """The annotations of the manifest itself."""
        return _annotations(self.document, "annotations")

    @property
    def artifact_type(self) -> str | None:
        """The type of artifact: stated, or else that of an image's config.

        OCI distribution specification 1.1, "Listing Referrers".
        """
        stated = self.document.get("artifactType")
        if isinstance(stated, str) and stated:
            return stated
        return self.config.media_type if self.config else None

    def descriptor(self) -> Descriptor:
        """Give the descriptor by which referrers are listed."""
        return Descriptor(
            self.media_type,
            self.digest,
            len(self.content),
            artifact_type=self.artifact_type,
            annotations=self.annotations,
        )


def _load(content: bytes) -> dict[str, Any]:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        document = json.loads(content, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"the manifest is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ManifestInvalid("the manifest is not a JSON object")
    return document


def _decide_media_type(document: dict[str, Any], claimed: str | None) -> str:
    stated = document.get("mediaType")
    if document.get("schemaVersion") == 1 or (claimed or "").startswith(_SCHEMA_1):
        raise ManifestInvalid(_SCHEMA_1_MEND)
    if document.get("schemaVersion") != 2:
        raise ManifestInvalid("schemaVersion must be the number 2")
    if claimed and stated is not None and stated != claimed:
        # Both could be believed, each by another client: CVE-2021-41190.
        raise ManifestInvalid(
            "mediaType in the manifest and Content-Type of the request differ",
            {"mediaType": str(stated)[:256], "Content-Type": claimed[:256]},
        )
    media_type = stated or claimed or (OCI_INDEX if "manifests" in document else OCI_MANIFEST)
    if not isinstance(media_type, str) or media_type not in IMAGE_TYPES | INDEX_TYPES:
        raise ManifestInvalid(
            f"the media type must be one of {', '.join(sorted(IMAGE_TYPES | INDEX_TYPES))}",
            {"mediaType": str(media_type)[:256]},
        )
    return media_type


def _check_shape(document: dict[str, Any], media_type: str) -> None:
    wrong = ("config", "layers") if media_type in INDEX_TYPES else ("manifests",)
    for key in wrong:
        if document.get(key) is not None:
            raise ManifestInvalid(f"a manifest of type {media_type} can't have '{key}'")
    if media_type in IMAGE_TYPES and document.get("config") is None:
        raise ManifestInvalid("an image manifest needs a 'config'")
    if media_type in INDEX_TYPES and not isinstance(document.get("manifests"), list):
        raise ManifestInvalid("an index needs a list of 'manifests'")


def _descriptor(document: dict[str, Any], key: str) -> Descriptor | None:
    value = document.get(key)
    return None if value is None else _parse_descriptor(value, key)


def _descriptors(document: dict[str, Any], key: str) -> tuple[Descriptor, ...]:
    values = document.get(key)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise ManifestInvalid(f"'{key}' must be a list of descriptors")
    return tuple(_parse_descriptor(value, f"{key}[{i}]") for i, value in enumerate(values))


def _parse_descriptor(value: Any, where: str) -> Descriptor:
    if not isinstance(value, dict):
        raise ManifestInvalid(f"'{where}' must be a descriptor")
    media_type, size = value.get("mediaType"), value.get("size")
    if not isinstance(media_type, str):
        raise ManifestInvalid(f"'{where}.mediaType' must be text")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ManifestInvalid(f"'{where}.size' must be a number of bytes")
    try:
        digest = Digest.parse(str(value.get("digest")))
    except DigestInvalid as error:
        raise ManifestInvalid(f"'{where}.digest': {error.message}", error.detail) from None
    artifact_type, platform = value.get("artifactType"), value.get("platform")
    return Descriptor(
        media_type,
        digest,
        size,
        artifact_type=artifact_type if isinstance(artifact_type, str) else None,
        annotations=_annotations(value, "annotations"),
        platform=platform if isinstance(platform, dict) else None,
        urls=_urls(value),
    )


def _urls(descriptor: dict[str, Any]) -> tuple[str, ...]:
    values = descriptor.get("urls")
    return tuple(url for url in values if isinstance(url, str)) if isinstance(values, list) else ()


def _annotations(document: dict[str, Any], key: str) -> dict[str, str]:
    values = document.get(key)
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise ManifestInvalid(f"'{key}' must be an object whose values are text")
    return values
