"""Keys of OpenStack: how to log in, and Swift."""

from __future__ import annotations

from pydantic import SecretStr

from docker_registry.config.backends.base import DriverKeys
from docker_registry.config.keys import key


class OpenStack(DriverKeys):
    """Credentials for Swift and Glance (flavors `swift`, `glance`, `glance-swift`).

    What none of these keys says is taken from other variables that the `openstack` command knows.
    """

    swift_authurl: str | None = key(
        None, "URL of Keystone, or of the login of `swift_auth_version` 1.", "OS_AUTH_URL"
    )
    swift_auth_version: int = key(
        3,
        "Version of the login: 3 for Keystone; 1 for the one that Swift and Ceph bring themselves.",
        "OS_IDENTITY_API_VERSION",
        ge=1,
        le=3,
    )
    swift_user: str | None = key(None, "User name.", "OS_USERNAME")
    swift_password: SecretStr | None = key(None, "Password.", "OS_PASSWORD")
    swift_tenant_name: str | None = key(
        None, "Project, under its old name: tenant.", "OS_TENANT_NAME"
    )
    swift_region_name: str | None = key(None, "Region in the catalog.", "OS_REGION_NAME")
    swift_cacert: str | None = key(
        None, "Path of the CA certificates that the services are trusted by.", "OS_CACERT"
    )
    openstack_cloud: str | None = key(
        None, "Name of a cloud in `clouds.yaml` that has the credentials.", "OS_CLOUD"
    )
    openstack_project_name: str | None = key(None, "Project.", "OS_PROJECT_NAME")
    openstack_project_id: str | None = key(None, "The same, by its id.", "OS_PROJECT_ID")
    openstack_project_domain_name: str | None = key(
        None,
        "Domain of the project; by default the one with the id `default`.",
        "OS_PROJECT_DOMAIN_NAME",
    )
    openstack_project_domain_id: str | None = key(
        None, "The same, by its id.", "OS_PROJECT_DOMAIN_ID"
    )
    openstack_user_domain_name: str | None = key(
        None,
        "Domain of the user; by default the one with the id `default`.",
        "OS_USER_DOMAIN_NAME",
    )
    openstack_user_domain_id: str | None = key(None, "The same, by its id.", "OS_USER_DOMAIN_ID")
    openstack_application_credential_id: str | None = key(
        None,
        "Id of an application credential, instead of user, password and project.",
        "OS_APPLICATION_CREDENTIAL_ID",
    )
    openstack_application_credential_name: str | None = key(
        None, "Its name, with its user, instead of its id.", "OS_APPLICATION_CREDENTIAL_NAME"
    )
    openstack_application_credential_secret: SecretStr | None = key(
        None, "Its secret.", "OS_APPLICATION_CREDENTIAL_SECRET"
    )
    openstack_interface: str | None = key(
        None, "Which endpoints of the catalog to use: public, internal or admin.", "OS_INTERFACE"
    )


class Swift(DriverKeys):
    """OpenStack Swift (flavors `swift`, `glance-swift`, `openstack-swift`)."""

    swift_container: str = key(
        "registry",
        "Name of the container.",
        "OS_CONTAINER",
    )
    swift_segments_container: str | None = key(
        None,
        "Name of the container of the parts of large objects, which may be the same; by default "
        "`<container>_segments`.",
        "SWIFT_SEGMENTS_CONTAINER",
    )
    swift_object_storage_url: str | None = key(
        None,
        "URL of the account at Swift, where the catalog's isn't the right one.",
        "OS_OBJECT_STORE_ENDPOINT_OVERRIDE",
    )
    swift_temp_url_key: SecretStr | None = key(
        None,
        "Key that signs URLs for `storage_redirect`; by default the one that the container, or "
        "the account, has in its metadata.",
        "SWIFT_TEMP_URL_KEY",
    )
