"""How the images of a registry are labelled, for us to find and for operators to read."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

#: What a name or a tag may have of characters (Image service API v2, schema ``image``).
LIMIT = 255

#: The paths of payload: blobs, and layers of V1 images; ``*`` stands for any component.
PAYLOAD = (
    ("docker", "registry", "v2", "blobs", "*", "*", "*", "data"),
    ("images", "*", "layer"),
)

#: A tag that parts of uploads have. No directory can be called so.
UPLOAD_TAG = "//upload"

_BLOB = re.compile(r"docker/registry/v2/blobs/(?P<algorithm>[^/]+)/[^/]+/(?P<hex>[^/]+)/data")
_UPLOAD = re.compile(r"docker/registry/v2/repositories/(?P<repository>.+)/_uploads/[^/]+")


def is_payload(path: str) -> bool:
    """Tell whether payload may lie at a path or below it."""
    components = path.split("/") if path else []
    return any(
        len(components) <= len(shape)
        and all(there in ("*", one) for one, there in zip(components, shape, strict=False))
        for shape in PAYLOAD
    )


def digest_of(path: str) -> str | None:
    """Give the digest of the blob at a path, if it is the path of one."""
    found = _BLOB.fullmatch(path)
    return f"{found['algorithm']}:{found['hex']}" if found else None


def image_name(path: str, directory: str = "") -> str:
    """Give the name that an image has for operators, such as ``library/ubuntu@sha256:…``.

    :param directory: of the upload it comes from: the repository is known from that.
    """
    digest = digest_of(path)
    if digest is None:
        return path[-LIMIT:]
    found = _UPLOAD.fullmatch(directory)
    if found is None:
        return digest[:LIMIT]
    return f"{found['repository'][: LIMIT - len(digest) - 1]}@{digest}"


def new_part(directory: str) -> str:
    """Make up the path of a new part of an upload."""
    return f"{directory}/part-{uuid.uuid4().hex}"


def tags(path: str) -> list[str]:
    """Give the tags of an image at a path: one for each directory above it."""
    return sorted({tag(directory) for directory in _above(path)})


def tag(directory: str) -> str:
    """Give the tag that all images below a directory have; long ones share it with others."""
    return directory[:LIMIT]


def _above(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
