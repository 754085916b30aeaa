"""Users of OpenStack: Keystone tells who they are, and what they are in their project."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker_registry.auth.method import Method
    from docker_registry.config import Settings


def create(settings: Settings) -> Method:
    """Give the way to log in that the settings ask for. Raises ``ConfigError``."""
    # A registry without Keystone needn't load what speaks to it.
    from docker_registry.auth.keystone.method import KeystoneMethod  # noqa: PLC0415

    return KeystoneMethod(settings)
