"""What the keys of single storage drivers have in common."""

from __future__ import annotations

from docker_registry.config.keys import Keys


class DriverKeys(Keys):
    """Keys that matter to one driver only."""
