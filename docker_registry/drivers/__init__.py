"""Storage backends, chosen by name.

Other packages add theirs by an entry point of the group ``docker_registry.drivers`` that leads to
a ``Driver`` class (``base`` has the contract).
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from docker_registry.config.model import LOCAL_DRIVERS, STATE_DIRECTORY
from docker_registry.drivers.alternate import Chain
from docker_registry.drivers.alternate.member import Member
from docker_registry.drivers.base import Driver
from docker_registry.errors import ConfigError

if TYPE_CHECKING:
    from docker_registry.config import Settings

#: How often a call is tried at most where there is another backend to go to.
CHAIN_ATTEMPTS = 2

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
    """Build the driver that the key ``storage`` names, and a chain if there are alternates.

    Raises ``ConfigError`` as ``load`` does, and for settings that a driver can't use.
    """
    found = load(settings)
    if len(found) == 1:
        return _build(found[settings.storage], settings)
    members = [
        Member(name, _build(driver, _for_member(settings, name))) for name, driver in found.items()
    ]
    return Chain(members)


def load(settings: Settings) -> dict[str, type[Driver]]:
    """Look up the drivers that the settings name, the primary first, without building them.

    Raises ``ConfigError`` if there is none of a name, if what one needs is not installed, or if
    they can't go together.
    """
    place = settings.provenance.place
    found = {settings.storage: _find(settings.storage, "storage", settings)}
    for name in settings.storage_alternate:
        if name in found:
            raise ConfigError(
                f"'storage_alternate' of {place} (STORAGE_ALTERNATE) repeats {name!r}: "
                "a driver can be there once, 'storage' included"
            )
        found[name] = _find(name, "storage_alternate", settings)
    if all(driver.payload_only for driver in found.values()):
        raise ConfigError(
            f"'storage' of {place} is {settings.storage!r}, which holds layers only: "
            "name a driver for everything else in storage_alternate (STORAGE_ALTERNATE), such as "
            "local"
        )
    return found


def _build(driver: type[Driver], settings: Settings) -> Driver:
    try:
        return driver.from_settings(settings)
    except ConfigError as error:
        raise ConfigError(f"{settings.provenance.place}: {error}") from error


def _find(name: str, key: str, settings: Settings) -> type[Driver]:
    known = {entry.name: entry for entry in (*BUILT_IN, *entry_points(group=GROUP))}
    where = f"{key!r} of {settings.provenance.place}"
    if name not in known:
        raise ConfigError(
            f"{where} is {name!r}, which is no installed driver: use one of "
            f"{', '.join(sorted(known))}, or install the package that brings it"
        )
    try:
        driver: type[Driver] = known[name].load()
    except ImportError as error:
        raise ConfigError(
            f"{where} is {name!r}, and this driver can't be loaded ({error}): install what it "
            f"needs, or use another of {', '.join(sorted(known))}"
        ) from error
    return driver


def _for_member(settings: Settings, name: str) -> Settings:
    """Give the settings of one driver of a chain."""
    changes: dict[str, object] = {
        "storage": name,
        "storage_alternate": [],
        # There is another backend to go to: better soon than at last.
        "storage_attempts": min(settings.storage_attempts, CHAIN_ATTEMPTS),
    }
    if name in LOCAL_DRIVERS and settings.storage not in LOCAL_DRIVERS:
        beside_glance = settings.storage_path if settings.storage == "glance" else STATE_DIRECTORY
        changes["storage_path"] = settings.storage_alternate_path or beside_glance
    return settings.model_copy(update=changes)
