"""OpenStack Swift, and Ceph's object gateway where it speaks Swift."""

from docker_registry.drivers.swift.driver import SwiftDriver

__all__ = ["SwiftDriver"]
