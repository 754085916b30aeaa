"""A container of its own in Azurite."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from azure.storage.blob import ContainerClient

from docker_registry.config import Settings
from tests.tools import require_service


def azure_settings(**others: Any) -> Settings:
    """Give settings for a container that is not there yet."""
    service = require_service("azurite")
    chosen = {
        "storage": "azureblob",
        "storage_path": "/some/prefix",
        "azure_storage_account_name": service["AZURE_STORAGE_ACCOUNT_NAME"],
        "azure_storage_account_key": service["AZURE_STORAGE_ACCOUNT_KEY"],
        "azure_storage_endpoint": service["AZURITE_URL"],
        "azure_storage_container": f"test-{uuid.uuid4().hex}",
    }
    return Settings(**{**chosen, **others})


def container_client(settings: Settings) -> ContainerClient:
    """Give the SDK's own client, to see what lies there."""
    assert settings.azure_storage_endpoint
    assert settings.azure_storage_account_key
    return ContainerClient(
        settings.azure_storage_endpoint,
        settings.azure_storage_container,
        credential={
            "account_name": settings.azure_storage_account_name,
            "account_key": settings.azure_storage_account_key.get_secret_value(),
        },
    )


@contextmanager
def azure_container(**others: Any) -> Iterator[Settings]:
    """Make a container, and remove it with all that is in it."""
    settings = azure_settings(**others)
    client = container_client(settings)
    client.create_container()
    try:
        yield settings
    finally:
        client.delete_container()
        client.close()
