from __future__ import annotations

import pytest

from docker_registry.drivers.memory import MemoryDriver
from docker_registry.registry import Registry


@pytest.fixture
def registry() -> Registry:
    return Registry(MemoryDriver())
