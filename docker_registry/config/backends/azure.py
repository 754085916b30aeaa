"""Keys of Azure Blob Storage."""

from __future__ import annotations

from pydantic import SecretStr

from docker_registry.config.backends.base import DriverKeys
from docker_registry.config.keys import key


class Azure(DriverKeys):
    """Azure Blob Storage (flavor `azureblob`)."""

    azure_storage_account_name: str | None = key(
        None, "Name of the storage account.", "AZURE_STORAGE_ACCOUNT_NAME"
    )
    azure_storage_account_key: SecretStr | None = key(
        None, "Key of the storage account.", "AZURE_STORAGE_ACCOUNT_KEY"
    )
    azure_storage_connection_string: SecretStr | None = key(
        None,
        "Account, key and endpoint in one, as the portal shows it; used instead of those.",
        "AZURE_STORAGE_CONNECTION_STRING",
    )
    azure_storage_container: str = key(
        "registry",
        "Name of the container; it is made when it is missing.",
        "AZURE_STORAGE_CONTAINER",
    )
    azure_storage_endpoint: str | None = key(
        None,
        "URL of the account's blob service, where it isn't "
        "`https://<account>.blob.core.windows.net`.",
        "AZURE_STORAGE_ENDPOINT",
    )
    azure_use_https: bool = key(True, "Whether to speak TLS.", "AZURE_USE_HTTPS")
