"""What an error of Azure Blob Storage means here.

Codes: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from azure.core.exceptions import AzureError, DeserializationError, HttpResponseError

from docker_registry.errors import (
    AccessDenied,
    PathNotFound,
    QuotaExceeded,
    StorageError,
    Unavailable,
)

#: Codes of a 404 that say that an object is missing; others, that more is missing than that.
_MISSING: dict[str, type[StorageError]] = {
    "BlobNotFound": PathNotFound,
    "CannotVerifyCopySource": PathNotFound,
}
_STATUSES: dict[int | None, type[StorageError]] = {
    401: AccessDenied,
    403: AccessDenied,
    507: QuotaExceeded,
}


@contextmanager
def storage_errors(path: str) -> Iterator[None]:
    """Turn every error of the SDK in the block into the ``StorageError`` it means."""
    try:
        yield
    except HttpResponseError as error:
        code = error_code(error)
        status = error.status_code
        kind = _STATUSES.get(status, Unavailable)
        if status == 404:
            kind = _MISSING.get(code, Unavailable)
        raise kind(f"{path}: {_first_line(error)} ({status} {code})") from error
    except AzureError as error:
        raise Unavailable(f"{path}: {_first_line(error)}") from error
    except DeserializationError as error:
        raise Unavailable(f"{path}: an answer that can't be read: {error}") from error


def error_code(error: HttpResponseError) -> str:
    """Give the service's name of an error, or an empty text."""
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    return headers.get("x-ms-error-code", "")


def _first_line(error: AzureError) -> str:
    return (error.message or type(error).__name__).strip().partition("\n")[0]
