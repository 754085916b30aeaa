"""The keys of single storage drivers, under the names that docker-registry 0.9 gave them.

They are known whether or not the driver is installed, so that a file with all flavors can be
checked anywhere.
"""

from docker_registry.config.backends.azure import Azure
from docker_registry.config.backends.base import DriverKeys
from docker_registry.config.backends.elliptics import Elliptics
from docker_registry.config.backends.gcs import Gcs
from docker_registry.config.backends.glance import Glance
from docker_registry.config.backends.openstack import OpenStack, Swift
from docker_registry.config.backends.oss import Oss
from docker_registry.config.backends.s3 import S3

__all__ = ["S3", "Azure", "DriverKeys", "Elliptics", "Gcs", "Glance", "OpenStack", "Oss", "Swift"]
