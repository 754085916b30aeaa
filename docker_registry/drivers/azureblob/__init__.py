"""Objects as block blobs in a container of Azure Blob Storage."""

from docker_registry.drivers.azureblob.driver import AzureDriver

__all__ = ["AzureDriver"]
