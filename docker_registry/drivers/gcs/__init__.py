"""Objects in a bucket of Google Cloud Storage."""

from docker_registry.drivers.gcs.driver import GcsDriver

__all__ = ["GcsDriver"]
