"""One connection to a cloud for all drivers of a process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import requests
from keystoneauth1.plugin import BaseAuthPlugin
from keystoneauth1.session import Session, TCPKeepAliveAdapter

from docker_registry.config.backends import OpenStack
from docker_registry.drivers.openstack.credentials import Login, log_in
from docker_registry.drivers.openstack.errors import CATALOG, service_errors
from docker_registry.errors import Unavailable

if TYPE_CHECKING:
    from docker_registry.config import Settings

#: How many connections to a host are kept open: one for each thread that may use a driver.
CONNECTIONS = 64


@dataclass(frozen=True)
class Patience:
    """How long to wait for a service, and how often.

    :ivar connect: seconds for a connection.
    :ivar read: seconds of silence.
    :ivar attempts: how often a request is sent before it counts as failed.
    """

    connect: float
    read: float
    attempts: int


def connect(settings: Settings) -> Cloud:
    """Give the cloud that the settings and the environment have credentials for.

    Asks nothing of it. Drivers with the same credentials share one.

    :raises ConfigError: credentials are missing or contradict each other.
    """
    credentials = OpenStack(**{name: getattr(settings, name) for name in OpenStack.model_fields})
    patience = Patience(
        settings.storage_connect_timeout,
        settings.storage_read_timeout,
        settings.storage_attempts,
    )
    environment = frozenset(item for item in os.environ.items() if item[0].startswith("OS_"))
    return _cloud(credentials, patience, environment)


@cache
def _cloud(
    credentials: OpenStack, patience: Patience, environment: frozenset[tuple[str, str]]
) -> Cloud:
    # The environment is no argument of log_in, but it reads it.
    return Cloud(log_in(credentials), patience)


class Cloud:
    """An OpenStack cloud as our credentials see it. Safe to use from many threads.

    :ivar patience: how long to wait, and how often to try.
    :ivar region_name: the region to look for in the catalog, if one was named.
    :ivar interface: the kind of endpoint to look for: public, internal or admin; or several.
    """

    def __init__(self, login: Login, patience: Patience) -> None:
        self._login = login
        self.patience = patience
        self.region_name = login.region_name
        self.interface = login.interface
        self._session: tuple[int, Session] | None = None

    @property
    def session(self) -> Session:
        """The session of this process: it logs in when it is first used, and again when it must.

        Requests without arguments of their own wait and repeat connections as ``patience`` says.
        """
        pid = os.getpid()
        if self._session is None or self._session[0] != pid:
            # Two processes must not share connections. Two threads may make two sessions here,
            # one of which is dropped.
            self._session = pid, self._new_session(self._login.plugin())
        return self._session[1]

    def endpoint(self, service_type: str, override: str | None = None) -> str:
        """Give the URL of a service, without a slash at its end.

        :param service_type: its type in the catalog, such as ``object-store``.
        :param override: what a setting says instead of the catalog.
        :raises Unavailable: Keystone can't be reached, or the catalog has no such service.
        :raises AccessDenied: the login is refused.
        """
        url = override or self._login.endpoints(service_type)
        if url is None:
            with service_errors(f"Keystone at {self._login.auth_url}"):
                url = self.session.get_endpoint(
                    service_type=service_type,
                    region_name=self.region_name,
                    interface=self.interface,
                )
        if not url:
            raise Unavailable(
                f"Keystone at {self._login.auth_url}: the catalog has no {service_type} service "
                f"(region {self.region_name or 'any'}, interface {self.interface}): {CATALOG}"
            )
        return url.rstrip("/")

    def _new_session(self, plugin: BaseAuthPlugin) -> Session:
        http = requests.Session()
        adapter = _Adapter(self.patience)
        http.mount("https://", adapter)
        http.mount("http://", adapter)
        return Session(
            auth=plugin,
            session=http,
            verify=self._login.verify,
            cert=self._login.certificate,
            user_agent="docker-registry",
            connect_retries=self.patience.attempts - 1,
        )


class _Adapter(TCPKeepAliveAdapter):
    """Connections that never wait longer than we want to."""

    def __init__(self, patience: Patience) -> None:
        self._timeout = (patience.connect, patience.read)
        super().__init__(pool_connections=4, pool_maxsize=CONNECTIONS)

    def send(self, *arguments: Any, **options: Any) -> requests.Response:
        """Send with our time-outs, those of logins included."""
        options["timeout"] = self._timeout
        response = super().send(*arguments, **options)
        # keystoneauth would sleep for as long as a server says here, before it tries again.
        response.headers.pop("Retry-After", None)
        return response
