"""Keys of OpenStack: Keystone, Swift, Glance."""

from __future__ import annotations

from pydantic import SecretStr

from docker_registry.config.backends.base import DriverKeys
from docker_registry.config.keys import key


class Swift(DriverKeys):
    """OpenStack Swift (flavors `swift`, `glance-swift`, `openstack-swift`)."""

    swift_authurl: str | None = key(None, "URL of Keystone.", "OS_AUTH_URL")
    swift_auth_version: int = key(3, "Version of its API.", "OS_IDENTITY_API_VERSION", ge=1, le=3)
    swift_container: str | None = key(None, "Name of the container.", "OS_CONTAINER")
    swift_user: str | None = key(None, "User name.", "OS_USERNAME")
    swift_password: SecretStr | None = key(None, "Password.", "OS_PASSWORD")
    swift_tenant_name: str | None = key(None, "Project (once: tenant).", "OS_TENANT_NAME")
    swift_region_name: str | None = key(None, "Region in the catalog.", "OS_REGION_NAME")
    swift_cacert: str | None = key(
        None, "Path of the CA certificates that Keystone and Swift are trusted by.", "OS_CACERT"
    )
    swift_object_storage_url: str | None = key(
        None, "URL of Swift, where the catalog's isn't the right one."
    )
