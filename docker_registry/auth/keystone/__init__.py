"""Users of OpenStack: Keystone tells who they are, and what they are in their project."""

from docker_registry.auth.keystone.method import KeystoneMethod

__all__ = ["KeystoneMethod"]
