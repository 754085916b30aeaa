"""What the drivers of OpenStack services share: credentials, a session, and errors."""

from docker_registry.drivers.openstack.cloud import Cloud, connect
from docker_registry.drivers.openstack.errors import service_errors

__all__ = ["Cloud", "connect", "service_errors"]
