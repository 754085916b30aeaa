"""Extensions: packages that listen to what happens here, and may have a say in it.

Other packages bring them by an entry point of the group ``docker_registry.extensions`` that leads
to a function, which is called once in each process before the first request::

    def extend(hooks: Hooks, settings: Mapping[str, Any]) -> None: ...

``settings`` is what the configuration has at ``extensions.<name of the entry point>``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

from docker_registry import drivers
from docker_registry.config import Settings
from docker_registry.errors import ConfigError
from docker_registry.legacy.events import Events as LegacyEvents
from docker_registry.registry.events import Events

#: The entry-point group that extensions are found by.
GROUP = "docker_registry.extensions"


@dataclass(frozen=True, slots=True)
class Hooks:
    """What an extension can connect to.

    :ivar v1: the signals of docker-registry 0.9, for what comes through its API.
    :ivar v2: those for what comes through the OCI Distribution (Docker V2) API.
    """

    v1: LegacyEvents
    v2: Events


class Extension(Protocol):
    """What an entry point leads to."""

    def __call__(self, hooks: Hooks, settings: Mapping[str, Any]) -> object:
        """Connect to signals."""


def connect(settings: Settings, hooks: Hooks) -> None:
    """Let every extension that is installed connect to what it listens to.

    Raises ``ConfigError`` as ``load`` does, and when one fails.
    """
    for name, extension in load(settings).items():
        try:
            extension(hooks, settings.extensions.get(name) or {})
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(
                f"the extension {name!r} fails at its start ({error!r}): mend or remove it"
            ) from error


def load(settings: Settings) -> dict[str, Extension]:
    """Look up the extensions that are installed, without calling them.

    :raises ConfigError: one can't be loaded, or there are settings for one that is not installed.
    """
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    others = {entry.name for entry in (*drivers.BUILT_IN, *entry_points(group=drivers.GROUP))}
    for name in settings.extensions:
        if name not in installed and name not in others:
            raise ConfigError(
                f"'extensions.{name}' of the flavor {settings.provenance.flavor!r} (see "
                "SETTINGS_FLAVOR) is for an extension that is not installed: install the package "
                "that brings it, or remove the key"
            )
    return {name: _load(entry) for name, entry in installed.items()}


def _load(entry: EntryPoint) -> Extension:
    package = entry.dist.name if entry.dist else "an unknown package"
    named = f"the extension {entry.name!r} of {package}"
    try:
        found = entry.load()
    except Exception as error:
        raise ConfigError(
            f"{named} can't be loaded ({error!r}): install what it needs, or remove it"
        ) from error
    if not callable(found):
        raise ConfigError(
            f"{named} leads to {found!r}, which is no function of (hooks, settings): mend its "
            "entry point"
        )
    extension: Extension = found
    return extension
