"""A container registry for people who run OpenStack and Ceph."""

__version__ = "1.0.0.dev0"
