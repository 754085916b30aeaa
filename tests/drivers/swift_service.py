"""Swift with Keystone, and Swift as Ceph's object gateway speaks it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from docker_registry.config import Settings
from docker_registry.drivers.swift import SwiftDriver
from tests.tools import require_service


def swift_settings(**more: Any) -> Settings:
    """Give the settings of a container of its own at the real Swift."""
    found = require_service("openstack")
    return Settings(
        **{
            "storage": "swift",
            "storage_path": f"/test-{uuid.uuid4().hex}",
            "swift_container": "driver-tests",
            "swift_authurl": found["OS_AUTH_URL"],
            "swift_user": found["OS_USERNAME"],
            "swift_password": found["OS_PASSWORD"],
            "openstack_project_name": found["OS_PROJECT_NAME"],
            "swift_region_name": found["OS_REGION_NAME"],
            **more,
        }
    )


def rgw_settings(**more: Any) -> Settings:
    """Give the settings of a container of its own at the object gateway."""
    found = require_service("ceph")
    return Settings(
        **{
            "storage": "swift",
            "storage_path": f"/test-{uuid.uuid4().hex}",
            "swift_container": "driver-tests",
            "swift_auth_version": 1,
            "swift_authurl": found["CEPH_SWIFT_AUTH_URL"],
            "swift_user": found["CEPH_SWIFT_USER"],
            "swift_password": found["CEPH_SWIFT_KEY"],
            **more,
        }
    )


@contextmanager
def swift_store(settings_of: Callable[[], Settings]) -> Iterator[Callable[[], SwiftDriver]]:
    """Give a function that opens one empty store, which is cleared at the end."""
    settings = settings_of()
    driver = SwiftDriver.from_settings(settings)
    driver.check()
    yield lambda: SwiftDriver.from_settings(settings)
    for page in driver._objects.pages(driver._prefix):
        driver._objects.delete_all(entry["name"] for entry in page)
