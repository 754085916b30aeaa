"""Objects as images in OpenStack Glance."""

from docker_registry.drivers.glance.driver import GlanceDriver

__all__ = ["GlanceDriver"]
