"""Glance, as the user of a project sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from docker_registry.drivers.glance import GlanceDriver
from tests.drivers.swift_service import swift_settings


@contextmanager
def glance_images() -> Iterator[Callable[[], GlanceDriver]]:
    """Give a function that opens one empty store, which is cleared at the end."""
    settings = swift_settings(storage="glance")
    driver = GlanceDriver.from_settings(settings)
    yield lambda: GlanceDriver.from_settings(settings)
    for image in driver._images.below(None):
        driver._images.delete(image["id"])
    driver.sweep(time.time() + 3600)
