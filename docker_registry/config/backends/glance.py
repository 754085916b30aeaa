"""Keys of OpenStack Glance."""

from __future__ import annotations

from typing import Literal

from docker_registry.config.backends.base import DriverKeys
from docker_registry.config.keys import key


class Glance(DriverKeys):
    """OpenStack Glance (flavors `glance`, `openstack`, `glance-swift`, `openstack-swift`)."""

    glance_url: str | None = key(
        None, "URL of Glance, where the catalog's isn't the right one.", "OS_GLANCE_URL"
    )
    glance_visibility: Literal["private", "shared", "community", "public"] = key(
        "private", "Who may see the images.", "GLANCE_VISIBILITY"
    )
    glance_owner: str | None = key(
        None, "Id of the project that owns the images, if it isn't ours.", "GLANCE_OWNER"
    )
    glance_store: str | None = key(
        None, "Which of Glance's stores keeps the data, if it isn't the default.", "GLANCE_STORE"
    )
