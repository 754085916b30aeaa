"""S3: Amazon's, Ceph's object gateway (RGW), and other stores that speak it."""

from docker_registry.drivers.s3.driver import S3Driver

__all__ = ["S3Driver"]
