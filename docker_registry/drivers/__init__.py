"""Storage backends, chosen by name.

Other packages add theirs by an entry point of the group ``docker_registry.drivers`` that leads to
a ``Driver`` class (``base`` has the contract).
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from docker_registry.drivers.base import Driver
from docker_registry.errors import ConfigError

if TYPE_CHECKING:
    from docker_registry.config import Settings

#: The entry-point group that drivers are found by.
GROUP = "docker_registry.drivers"

#: Our own drivers, named once more beside setup.cfg: a source tree that is not installed has no
#: entry points.
BUILT_IN = (
    EntryPoint("azureblob", "docker_registry.drivers.azureblob:AzureDriver", GROUP),
    EntryPoint("ceph-s3", "docker_registry.drivers.s3:S3Driver", GROUP),
    EntryPoint("cloudfronts3", "docker_registry.drivers.s3.cloudfront:CloudFrontDriver", GROUP),
    EntryPoint("elliptics", "docker_registry.drivers.elliptics.driver:EllipticsDriver", GROUP),
    EntryPoint("file", "docker_registry.drivers.local:LocalDriver", GROUP),
    EntryPoint("gcs", "docker_registry.drivers.gcs:GcsDriver", GROUP),
    EntryPoint("glance", "docker_registry.drivers.glance:GlanceDriver", GROUP),
    EntryPoint("local", "docker_registry.drivers.local:LocalDriver", GROUP),
    EntryPoint("memory", "docker_registry.drivers.memory:MemoryDriver", GROUP),
    EntryPoint("oss", "docker_registry.drivers.s3.oss:OssDriver", GROUP),
    EntryPoint("s3", "docker_registry.drivers.s3:S3Driver", GROUP),
    EntryPoint("swift", "docker_registry.drivers.swift:SwiftDriver", GROUP),
)


def create(settings: Settings) -> Driver:
    """Build the driver that the key ``storage`` names. Raises ``ConfigError`` as ``find`` does."""
    return find(settings).from_settings(settings)


def find(settings: Settings) -> type[Driver]:
    """Look up the driver that the key ``storage`` names, without building it.

    Raises ``ConfigError`` if there is none of that name, or if what it needs is not installed.
    """
    known = {entry.name: entry for entry in (*BUILT_IN, *entry_points(group=GROUP))}
    wanted = settings.storage
    where = f"'storage' of the flavor {settings.provenance.flavor!r} (see SETTINGS_FLAVOR)"
    if wanted not in known:
        raise ConfigError(
            f"{where} is {wanted!r}, which is no installed driver: use one of "
            f"{', '.join(sorted(known))}, or install the package that brings it"
        )
    try:
        driver: type[Driver] = known[wanted].load()
    except ImportError as error:
        raise ConfigError(
            f"{where} is {wanted!r}, and this driver can't be loaded ({error}): install what it "
            f"needs, or use another of {', '.join(sorted(known))}"
        ) from error
    return driver
