"""Makes images, since none can be pulled: layers and OCI layout directories."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Descriptor = dict[str, Any]

OCI = "application/vnd.oci.image"
MANIFEST = f"{OCI}.manifest.v1+json"
INDEX = f"{OCI}.index.v1+json"
CONFIG = f"{OCI}.config.v1+json"
LAYER = f"{OCI}.layer.v1.tar"
LAYER_GZIP = f"{OCI}.layer.v1.tar+gzip"
FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

MIB = 1024 * 1024


def digest_of(data: bytes) -> str:
    """Give the sha256 digest of some bytes, as ``sha256:…``."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def noise(seed: str, size: int) -> bytes:
    """Give bytes that don't compress, the same ones for the same seed."""
    return random.Random(seed).randbytes(size)


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """Give a tar archive with these files, the same bytes every time."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def files_of(tar: bytes) -> dict[str, bytes]:
    """Give the regular files of a tar archive, compressed or not."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return {
            member.name.removeprefix("./"): archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive
            if member.isfile()
        }


def write_large_tar(path: Path, size: int) -> None:
    """Write a tar archive with one file of ``size`` bytes that gzip can't shrink.

    One random block is repeated with a counter, farther apart than gzip looks back: quick to make,
    and a lost, doubled or swapped block still changes the digest.
    """
    block = noise("large", MIB - 8)
    member = tarfile.TarInfo("large")
    member.size = size
    with path.open("wb") as file:
        file.write(member.tobuf())
        for number in range(size // MIB):
            file.write(number.to_bytes(8, "big") + block)
        file.write(bytes(2 * tarfile.BLOCKSIZE))


class Layout:
    """An OCI image layout directory that clients can push from.

    https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "blobs/sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self.tagged: list[Descriptor] = []

    def add_blob(self, data: bytes, media_type: str) -> Descriptor:
        """Store some bytes and give their descriptor."""
        digest = digest_of(data)
        (self.path / "blobs/sha256" / digest.removeprefix("sha256:")).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def add_json(self, document: Mapping[str, Any], media_type: str) -> Descriptor:
        """Store a JSON document and give its descriptor."""
        return self.add_blob(json.dumps(document).encode(), media_type)

    def add_image(
        self,
        tars: Sequence[bytes],
        architecture: str = "amd64",
        foreign: Sequence[Descriptor] = (),
        annotations: Mapping[str, str] | None = None,
    ) -> Descriptor:
        """Store an image with these layers, gzipped, and give its manifest's descriptor.

        :param foreign: descriptors of further layers, whose bytes lie elsewhere.
        """
        layers = [self.add_blob(gzip.compress(tar, 1, mtime=0), LAYER_GZIP) for tar in tars]
        layers += foreign
        platform = {"architecture": architecture, "os": "linux"}
        # Who skips foreign layers never looks at their uncompressed digests.
        diff_ids = [digest_of(tar) for tar in tars] + [layer["digest"] for layer in foreign]
        config = self.add_json(
            {
                **platform,
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": diff_ids},
                "history": [{"created_by": f"layer {number}"} for number in range(len(layers))],
            },
            CONFIG,
        )
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": layers,
            "annotations": dict(annotations or {}),
        }
        return {**self.add_json(manifest, MANIFEST), "platform": platform}

    def add_index(self, manifests: Sequence[Descriptor]) -> Descriptor:
        """Store an index of manifests and give its descriptor."""
        return self.add_json(
            {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)}, INDEX
        )

    def tag(self, name: str, descriptor: Descriptor) -> None:
        """Name a manifest or an index."""
        named = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}}
        self.tagged.append(named)
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.tagged}
        (self.path / "index.json").write_text(json.dumps(index))

    def read_json(self, digest: str) -> Any:
        """Give the JSON document with this digest."""
        return json.loads(
            (self.path / "blobs/sha256" / digest.removeprefix("sha256:")).read_bytes()
        )


def multi_platform(layout: Layout, seed: str) -> Descriptor:
    """Add an index with one image for each of three platforms, and give its descriptor."""
    return layout.add_index(
        [
            layout.add_image(
                [tar_of({f"{seed}-{architecture}": noise(architecture, 5000)})], architecture
            )
            for architecture in ("amd64", "arm64", "s390x")
        ]
    )


def files_of_image(directory: Path) -> list[dict[str, bytes]]:
    """Give the files of each layer of an image that was copied to a ``dir:`` of skopeo."""
    manifest = json.loads((directory / "manifest.json").read_bytes())
    digests = [layer["digest"] for layer in manifest["layers"]]
    return [
        files_of((directory / digest.removeprefix("sha256:")).read_bytes()) for digest in digests
    ]


def checked_blobs(layout: Path) -> set[str]:
    """Give the digests of all blobs in an OCI layout, having compared them with the contents."""
    digests = set()
    for blob in (layout / "blobs/sha256").iterdir():
        assert digest_of(blob.read_bytes()) == f"sha256:{blob.name}"
        digests.add(f"sha256:{blob.name}")
    return digests
