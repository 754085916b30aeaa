"""Images that docker-registry 0.9 stored, migrated, and pulled by today's clients."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest

from docker_registry import drivers
from docker_registry.config import load
from docker_registry.drivers.base import Driver
from tests import images
from tests.clients import flavors
from tests.clients.containers import storage_of
from tests.servers import RegistryServer
from tests.tools import Tool
from tests.unit.legacy.tars import COMPRESS, member, tar
from tests.v1_store import V1Store

#: cap_net_raw=ep, as the kernel stores it (linux/capability.h, vfs_cap_data).
CAPABILITY = b"\x01\x00\x00\x02\x00\x20\x00\x00" + bytes(12)
DIRECTORY = {"kind": tarfile.DIRTYPE, "mode": 0o755}
ALL = [
    tar(
        member("./", **DIRECTORY),
        member("./etc", **DIRECTORY),
        (member("./etc/name", mode=0o644), b"base"),
        (member("./etc/removed"), b"x"),
        member("./gone", **DIRECTORY),
        (member("./gone/file"), b"x"),
        member("./replaced", **DIRECTORY),
        (member("./replaced/old"), b"x"),
        member("./bin", kind=tarfile.DIRTYPE, mode=0o1777),
        (
            member(
                "./bin/ping",
                mode=0o755,
                pax_headers={"SCHILY.xattr.security.capability": CAPABILITY.decode("latin-1")},
            ),
            b"ping",
        ),
        (member("./bin/su", mode=0o4755, uid=0, gid=42), images.noise("su", 300_000)),
        member("./bin/sudo", tarfile.LNKTYPE, linkname="./bin/su", mode=0o4755, gid=42),
        member("./bin/sh", tarfile.SYMTYPE, linkname="su", mode=0o777),
        member("./bin/pipe", tarfile.FIFOTYPE, mode=0o600, uid=1000, gid=1000),
    ),
    b"",
    tar(
        member("./etc", **DIRECTORY),
        member("./etc/.wh.removed"),
        (member("./etc/name", mode=0o600, uid=7), b"changed"),
        member("./.wh.gone"),
        member("./replaced", **DIRECTORY),
        member("./replaced/.wh..wh..opq"),
        (member("./replaced/new"), b"y"),
    ),
    bytes(1024),
    tar(
        member("./gone", **DIRECTORY),
        (member("./gone/again"), b"z"),
        member("./gone/link", tarfile.LNKTYPE, linkname="./gone/again"),
    ),
    tar((member("./etc/last"), b"last")),
]
#: The layers, and how each is compressed: two as nobody takes it today.
LAYERS = list(zip(ALL, ["xz", "plain", "gzip", "plain", "plain", "bzip2"], strict=True))
#: Enough for stores that are slow.
FEW = [LAYERS[0], LAYERS[2], LAYERS[4]]


Layers = Sequence[tuple[bytes, str]]


@dataclass
class File:
    """What must be the same of a file, whoever made it of the layers."""

    kind: bytes
    mode: int
    owner: tuple[int, int]
    content: bytes
    link: str
    xattrs: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()


def plain(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def read(archive: bytes, known: dict[str, File]) -> dict[str, File]:
    """Give the files of an archive; those of one inode are one object."""
    found: dict[str, File] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as reader:
        for one in reader:
            name = plain(one.name)
            if one.islnk():
                target = plain(one.linkname)
                found[name] = found[target] if target in found else known[target]
                continue
            body = reader.extractfile(one) if one.isreg() else None
            prefix = "SCHILY.xattr."
            found[name] = File(
                b"0" if one.isreg() else one.type,
                one.mode & 0o7777,
                (one.uid, one.gid),
                body.read() if body else b"",
                one.linkname,
                {k: v for k, v in one.pax_headers.items() if k.startswith(prefix)},
            )
    return found


def stacked(layers: Layers) -> dict[str, File]:
    """Give the files of layers, one upon another, as aufs shows them."""
    files: dict[str, File] = {}
    for layer, _ in layers:
        if not layer:
            continue
        upper = read(layer, files)
        for name in list(upper):
            directory, _, base = name.rpartition("/")
            if base == ".wh..wh..opq":
                hidden = f"{directory}/"
            elif base.startswith(".wh."):
                hidden = f"{directory}/{base[4:]}".strip("/")
            else:
                continue
            del upper[name]
            for old in list(files):
                if old == hidden or old.startswith(hidden.rstrip("/") + "/"):
                    del files[old]
        files.update(upper)
    return with_names(files)


def with_names(files: dict[str, File]) -> dict[str, File]:
    """Note in each file all its names."""
    files.pop("", None)
    names = defaultdict(list)
    for name, file in files.items():
        names[id(file)].append(name)
    for file in files.values():
        file.names = tuple(sorted(names[id(file)]))
    return files


#: What engines put into a container by themselves.
ADDED = {
    *(".dockerenv", "dev", "dev/console", "dev/pts", "dev/shm", "proc", "sys", "run"),
    *("etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf", "run/.containerenv"),
}


def files_of_container(engine: Tool, name: str) -> dict[str, File]:
    """Give the files of a container made of an image."""
    container = engine("create", "--network", "none", name, "/bin/true")
    try:
        files = read(engine.output("export", container), {})
    finally:
        engine("rm", container)
    return with_names({name: file for name, file in files.items() if name not in ADDED})


def lay_down(driver: Driver, layers: Layers = LAYERS) -> str:
    """Store an image of these layers as 0.9 would, tag it, and give its id."""
    store = V1Store(driver)
    parent = None
    for number, (layer, packed) in enumerate(layers):
        name = f"image-{number}"
        store.image(name, parent, layer=COMPRESS[packed](layer) if layer else b"")
        parent = name
    top = store.document(str(parent), None)["id"]
    store.tag("library/legacy", "latest", top)
    return top


def migrate(server: RegistryServer, *arguments: str) -> str:
    """Run the command with a registry's settings, and give its output."""
    program = Path(sys.executable).with_name("docker-registry")
    done = subprocess.run(
        [program, "migrate", *arguments],
        env=server.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def store_of(server: RegistryServer) -> Driver:
    with patch.dict(os.environ, server.settings):
        return drivers.create(load(server.settings))


def pull_and_compare(docker: Tool, name: str, layers: Layers = LAYERS) -> None:
    docker("pull", name)
    try:
        assert files_of_container(docker, name) == stacked(layers)
    finally:
        docker("image", "remove", name)


def test_the_files_are_the_same(docker: Tool, registry: RegistryServer, tmp_path: Path) -> None:
    driver = store_of(registry)
    V1Store(driver).tag("team/deep%252Flegacy", "v1", lay_down(driver))
    assert "2 tags: 2 migrated" in migrate(registry)
    for name in ("legacy", "team/deep/legacy:v1"):
        pull_and_compare(docker, f"{registry.address}/{name}")
    assert "2 tags: 2 already there" in migrate(registry, "--remove")
    assert not (registry.store / "images").exists()
    pull_and_compare(docker, f"{registry.address}/legacy")
    assert "legacy" in docker("search", "--no-trunc", f"{registry.address}/legacy")

    podman = Tool("podman", tmp_path / "home", storage_of(tmp_path))
    podman("pull", "--tls-verify=false", f"{registry.address}/legacy")
    found = files_of_container(podman, f"{registry.address}/legacy")
    assert found == stacked(LAYERS)
    skopeo = Tool("skopeo", tmp_path / "home")
    source = f"docker://{registry.address}/legacy"
    skopeo("copy", "--src-tls-verify=false", source, f"oci:{tmp_path}/copied:latest")


def openstack(flavor: str) -> Callable[[], flavors.Environment]:
    return lambda: flavors.openstack(flavor)


@pytest.mark.parametrize(
    "flavor",
    [flavors.ceph_s3, flavors.swift_of_ceph, openstack("swift"), openstack("glance-swift")],
    ids=["ceph-s3", "swift-of-ceph", "swift", "glance-swift"],
)
def test_on_other_stores(
    docker: Tool, flavor: Callable[[], flavors.Environment], tmp_path: Path
) -> None:
    """While a registry serves the same store."""
    with flavors.registries(flavor(), tmp_path) as [registry]:
        lay_down(store_of(registry), FEW)
        assert "1 tags: 1 migrated" in migrate(registry, "--remove")
        assert store_of(registry).list("images") == []
        pull_and_compare(docker, f"{registry.address}/legacy", FEW)
