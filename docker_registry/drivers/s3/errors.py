"""What the errors of botocore mean, and what to do about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    UnauthorizedSSOTokenError,
)
from urllib3.exceptions import HTTPError

from docker_registry.errors import (
    AccessDenied,
    PathNotFound,
    QuotaExceeded,
    StorageError,
    Unavailable,
)

#: By error code (S3 API Reference, "Error responses"; RGW, rgw_common.cc; MinIO, "Error codes").
#: A missing bucket is none of them: what it holds is unknown, not absent.
_CODES: dict[str, type[StorageError]] = {
    "NoSuchKey": PathNotFound,
    "NoSuchUpload": PathNotFound,
    "404": PathNotFound,
    "403": AccessDenied,
    "AccessDenied": AccessDenied,
    "AccountProblem": AccessDenied,
    "AllAccessDisabled": AccessDenied,
    "ExpiredToken": AccessDenied,
    "InvalidAccessKeyId": AccessDenied,
    "InvalidObjectState": AccessDenied,
    "InvalidToken": AccessDenied,
    "RequestTimeTooSkewed": AccessDenied,
    "SignatureDoesNotMatch": AccessDenied,
    "UserSuspended": AccessDenied,
    "QuotaExceeded": QuotaExceeded,
    "XMinioAdminBucketQuotaExceeded": QuotaExceeded,
    "XMinioStorageFull": QuotaExceeded,
}
_INSUFFICIENT_STORAGE = 507
_NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    UnauthorizedSSOTokenError,
)

#: What goes wrong in the SDK and below it. Nothing else may run in a block that turns these into
#: storage errors, and no iterable of a caller's.
SDK_ERRORS = (BotoCoreError, ClientError, HTTPError, OSError)


@contextmanager
def s3_errors(where: str) -> Iterator[None]:
    """Turn every error of the SDK in the block into the ``StorageError`` it means.

    :param where: what is asked for, as the message begins.
    """
    try:
        yield
    except SDK_ERRORS as error:
        raise kind(error)(f"{where}: {describe(error)}") from error


def kind(error: Exception) -> type[StorageError]:
    """Give the ``StorageError`` that an error of the SDK means."""
    if isinstance(error, ClientError):
        if status(error) == _INSUFFICIENT_STORAGE:
            return QuotaExceeded
        return _CODES.get(code(error), Unavailable)
    return AccessDenied if isinstance(error, _NO_CREDENTIALS) else Unavailable


def code(error: BaseException | None) -> str:
    """Give the S3 error code, or else the name of the exception's class."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def status(error: BaseException | None) -> int:
    """Give the HTTP status of an answer that is an error, or 0."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return 0


def describe(error: Exception) -> str:
    """Say what happened, in one line, with the request's id for the store's own log."""
    if not isinstance(error, ClientError):
        return " ".join(str(error).split()) or type(error).__name__
    message = error.response.get("Error", {}).get("Message") or ""
    request = error.response.get("ResponseMetadata", {}).get("RequestId", "")
    parts = (code(error), message, f"request {request}" if request else "")
    return ", ".join(" ".join(part.split()) for part in parts if part)
