"""Fallback from one backend to the next.

A chain is a primary driver and its alternates, in order. What the primary can't take goes to the
next one that can, where a journal notes it; reads find it there; healing brings it home.

- ``member``: a driver of the chain, and what is known of whether it answers
- ``journal``: what an alternate keeps for the primary
- ``spool``: bytes that can be sent a second time
- ``chain``: the driver that all of this makes
- ``heal``: the way home
"""

from docker_registry.drivers.alternate.chain import Chain
from docker_registry.drivers.alternate.heal import Healing

__all__ = ["Chain", "Healing"]
