"""What podman and buildah need to run in a test: image storage of their own."""

from __future__ import annotations

from pathlib import Path


def storage_of(directory: Path) -> dict[str, str]:
    """Give the environment that keeps all images and containers below ``directory``."""
    configuration = directory / "storage.conf"
    configuration.write_text(
        f'[storage]\ndriver = "vfs"\n'
        f'graphroot = "{directory}/images"\nrunroot = "{directory}/run"\n'
    )
    containers = directory / "containers.conf"
    containers.write_text(
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n'
        f'tmp_dir = "{directory}/libpod"\n'
    )
    return {
        "CONTAINERS_STORAGE_CONF": str(configuration),
        "CONTAINERS_CONF": str(containers),
        # chroot needs no namespaces, which a test machine may not give.
        "BUILDAH_ISOLATION": "chroot",
    }
