"""Credentials, from the settings and from wherever the ``openstack`` command finds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml
from keystoneauth1.exceptions import ClientException
from keystoneauth1.plugin import BaseAuthPlugin
from openstack.config import OpenStackConfig
from openstack.exceptions import SDKException
from swiftclient.authv1 import PasswordPlugin

from docker_registry.config.backends import OpenStack
from docker_registry.drivers.openstack.errors import first_line
from docker_registry.errors import ConfigError

#: How the options of openstacksdk are called in our settings.
_OPTIONS = {
    "auth_url": "swift_authurl",
    "username": "swift_user",
    "password": "swift_password",
    "project_name": "openstack_project_name",
    "project_id": "openstack_project_id",
    "project_domain_name": "openstack_project_domain_name",
    "project_domain_id": "openstack_project_domain_id",
    "user_domain_name": "openstack_user_domain_name",
    "user_domain_id": "openstack_user_domain_id",
    "application_credential_id": "openstack_application_credential_id",
    "application_credential_name": "openstack_application_credential_name",
    "application_credential_secret": "openstack_application_credential_secret",
}
_COMPLETE = (
    "set OS_AUTH_URL (swift_authurl), OS_USERNAME (swift_user), OS_PASSWORD (swift_password) and "
    "OS_PROJECT_NAME (openstack_project_name); or OS_AUTH_URL, OS_APPLICATION_CREDENTIAL_ID and "
    "OS_APPLICATION_CREDENTIAL_SECRET; or OS_CLOUD (openstack_cloud) with a clouds.yaml"
)
_WHERE = (
    "set auth_keystone.auth_url (AUTH_KEYSTONE_AUTH_URL), or OS_AUTH_URL (swift_authurl), or "
    "OS_CLOUD (openstack_cloud) with a clouds.yaml; and OS_CACERT (swift_cacert) if its "
    "certificate is of a private CA"
)
#: What openstacksdk raises for settings, and files, that it can't use.
_UNUSABLE = (SDKException, ClientException, TypeError, ValueError, OSError, yaml.YAMLError)


@dataclass(frozen=True)
class Login:
    """What is needed to use a cloud.

    :ivar auth_url: where the login is, for messages.
    :ivar plugin: makes what logs in.
    :ivar region_name: the region to use, if one was named.
    :ivar interface: public, internal or admin; or several, in order of preference.
    :ivar verify: as ``requests`` has it: the path of CA certificates, or whether to look.
    :ivar certificate: our own, for services that ask for one.
    :ivar endpoints: gives the URL that takes the place of the catalog's for a service, or None.
    """

    auth_url: str
    plugin: Callable[[], BaseAuthPlugin]
    region_name: str | None
    interface: str | list[str]
    verify: bool | str | None
    certificate: str | tuple[str, str] | None
    endpoints: Callable[[str], str | None]


def log_in(credentials: OpenStack) -> Login:
    """Give what is needed to log in, without doing it.

    :raises ConfigError: credentials are missing or contradict each other.
    """
    if credentials.swift_auth_version == 1:
        return _version_1(credentials)
    if credentials.swift_auth_version == 2:
        raise ConfigError(
            "OS_IDENTITY_API_VERSION (swift_auth_version) is 2, and that version of Keystone's API "
            "is gone: set 3, or 1 for the login that Swift and Ceph bring themselves"
        )
    return _version_3(credentials)


@dataclass(frozen=True)
class Place:
    """Where Keystone is, for those who come with credentials of their own.

    :ivar auth_url: as it was found.
    :ivar verify: as ``requests`` has it: the path of CA certificates, or whether to look.
    :ivar certificate: our own, if Keystone asks for one.
    """

    auth_url: str
    verify: bool | str | None
    certificate: str | tuple[str, str] | None


def find(credentials: OpenStack, auth_url: str | None = None) -> Place:
    """Give where Keystone is, without a look at the credentials and without asking it.

    :param auth_url: what is known already instead of what the credentials say.
    :raises ConfigError: it isn't said anywhere, or what was said can't be used.
    """
    known = auth_url or (credentials.swift_authurl if credentials.swift_auth_version == 3 else None)
    try:
        region = _Config().get_one(
            cloud=credentials.openstack_cloud,
            auth={"auth_url": known} if known else {},
            region_name=credentials.swift_region_name or "",
            cacert=credentials.swift_cacert,
            # Whether the credentials are complete is of no interest here.
            validate=False,
        )
        verify, certificate = region.get_requests_verify_args()
    except _UNUSABLE as error:
        raise ConfigError(
            f"what is said about Keystone can't be used ({first_line(error)}): {_WHERE}"
        ) from error
    found = known or region.config["auth"].get("auth_url")
    if not found or (credentials.swift_auth_version == 1 and not known):
        raise ConfigError(f"nothing says where Keystone is: {_WHERE}")
    return Place(str(found), verify, certificate)


def _version_1(credentials: OpenStack) -> Login:
    url, user, password = (
        credentials.swift_authurl,
        credentials.swift_user,
        _plain(credentials.swift_password),
    )
    if not (url and user and password):
        raise ConfigError(
            "swift_auth_version (OS_IDENTITY_API_VERSION) is 1, and that login needs OS_AUTH_URL "
            "(swift_authurl), OS_USERNAME (swift_user) and OS_PASSWORD (swift_password): set all "
            "three"
        )
    return Login(
        auth_url=url,
        plugin=lambda: PasswordPlugin(url, user, password),
        region_name=None,
        interface="public",
        verify=credentials.swift_cacert or True,
        certificate=None,
        endpoints=lambda service_type: None,
    )


def _version_3(credentials: OpenStack) -> Login:
    _refuse_contradictions(credentials)
    options = {option: _plain(getattr(credentials, name)) for option, name in _OPTIONS.items()}
    options["project_name"] = options["project_name"] or credentials.swift_tenant_name
    with_credential = options["application_credential_secret"] is not None
    try:
        region = _Config().get_one(
            cloud=credentials.openstack_cloud,
            auth={option: value for option, value in options.items() if value is not None},
            auth_type="v3applicationcredential" if with_credential else None,
            region_name=credentials.swift_region_name or "",
            interface=credentials.openstack_interface,
            cacert=credentials.swift_cacert,
        )
        plugin = region.get_auth()
        verify, certificate = region.get_requests_verify_args()
    except _UNUSABLE as error:
        raise ConfigError(
            f"the OpenStack credentials can't be used ({first_line(error)}): {_COMPLETE}"
        ) from error
    if plugin is None:
        raise ConfigError(f"there are no OpenStack credentials: {_COMPLETE}")
    return Login(
        auth_url=str(region.config["auth"].get("auth_url", "?")),
        plugin=lambda: plugin,
        region_name=region.get_region_name() or None,
        interface=region.get_interface() or "public",
        verify=verify,
        certificate=certificate,
        endpoints=region.get_endpoint,
    )


def _refuse_contradictions(credentials: OpenStack) -> None:
    old, new = credentials.swift_tenant_name, credentials.openstack_project_name
    if old and new and old != new:
        raise ConfigError(
            f"OS_TENANT_NAME (swift_tenant_name) is {old!r} and OS_PROJECT_NAME "
            f"(openstack_project_name) is {new!r}: both mean the project, so set only one of them"
        )
    identity = (
        credentials.openstack_application_credential_id
        or credentials.openstack_application_credential_name
    )
    secret = credentials.openstack_application_credential_secret
    if (identity is None) != (secret is None):
        raise ConfigError(
            "an application credential needs OS_APPLICATION_CREDENTIAL_SECRET "
            "(openstack_application_credential_secret) and one of OS_APPLICATION_CREDENTIAL_ID "
            "and OS_APPLICATION_CREDENTIAL_NAME (openstack_application_credential_id, …_name): "
            "set both, or none"
        )
    if secret and credentials.swift_password:
        raise ConfigError(
            "OS_PASSWORD (swift_password) and OS_APPLICATION_CREDENTIAL_SECRET "
            "(openstack_application_credential_secret) are two ways to log in: unset one of them"
        )
    if secret and (old or new or credentials.openstack_project_id):
        raise ConfigError(
            "an application credential belongs to a project already: unset OS_PROJECT_NAME, "
            "OS_PROJECT_ID and OS_TENANT_NAME (openstack_project_name, …_id, swift_tenant_name), "
            "or OS_APPLICATION_CREDENTIAL_SECRET (openstack_application_credential_secret)"
        )


class _Config(OpenStackConfig):
    """The library's search for credentials, with the default domain of the ``openstack`` command.

    Without it, credentials that name no domain, as in the days of Keystone's version 2, would be
    of no use.
    """

    def auth_config_hook(self, config: dict[str, Any]) -> dict[str, Any]:
        auth = config["auth"]
        for kind, name in (("user", "username"), ("project", "project_name")):
            domain = {f"{kind}_domain_id", f"{kind}_domain_name"}
            if name in auth and not domain & auth.keys():
                auth[f"{kind}_domain_id"] = "default"
        return config


def _plain(value: Any) -> Any:
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value
