"""What an error of Google Cloud Storage means here, and which errors pass when tried again.

https://cloud.google.com/storage/docs/json_api/v1/status-codes
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests
from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError
from google.api_core.retry import Retry
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from docker_registry.errors import (
    AccessDenied,
    PathNotFound,
    QuotaExceeded,
    StorageError,
    Unavailable,
)

_PASSING = {408, 429, 500, 502, 503, 504}
#: Reasons of a 403 that are no refusal.
_REASONS: dict[str, type[StorageError]] = {
    "quotaExceeded": QuotaExceeded,
    "rateLimitExceeded": Unavailable,
    "userRateLimitExceeded": Unavailable,
}


class BoundedRetry(Retry):
    """The retry of Google's libraries, ended by the number of attempts instead of by time.

    :param attempts: how often a call is tried.
    """

    def __init__(self, attempts: int) -> None:
        super().__init__(predicate=may_pass)
        self._attempts = attempts

    def __call__(
        self, func: Callable[..., Any], on_error: Callable[[Exception], Any] | None = None
    ) -> Callable[..., Any]:
        """Give a function that calls ``func`` up to that often."""
        tries = itertools.count(1)

        def again(error: Exception) -> bool:
            return may_pass(error) and next(tries) < self._attempts

        return Retry(predicate=again, initial=0.5, maximum=5, timeout=None)(func, on_error)


def may_pass(error: BaseException) -> bool:
    """Tell whether the same call may succeed in a moment."""
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        return True
    if isinstance(error, GoogleAPICallError):
        return error.code in _PASSING
    return isinstance(error, InvalidResponse) and error.response.status_code in _PASSING


@contextmanager
def storage_errors(path: str, bucket_exists: Callable[[], bool]) -> Iterator[None]:
    """Turn every error of the SDK in the block into the ``StorageError`` it means.

    :param bucket_exists: asked where a 404 doesn't say what is missing.
    """
    try:
        yield
    except (RefreshError, DefaultCredentialsError) as error:
        passes = isinstance(error, RefreshError) and error.retryable
        refused = Unavailable if passes else AccessDenied
        raise refused(f"{path}: {_first_line(error)}") from error
    except GoogleAPICallError as error:
        kind = _meaning(error, bucket_exists)
        raise kind(f"{path}: {_first_line(error)}") from error
    except (
        GoogleAPIError,
        GoogleAuthError,
        InvalidResponse,
        DataCorruption,
        requests.RequestException,
        ValueError,  # an answer that the SDK can't read
    ) as error:
        raise Unavailable(f"{path}: {_first_line(error)}") from error


def _meaning(error: GoogleAPICallError, bucket_exists: Callable[[], bool]) -> type[StorageError]:
    if error.code == 404:
        return PathNotFound if _object_is_missing(error, bucket_exists) else Unavailable
    if error.code in (401, 403):
        reasons = {item.get("reason") for item in error.errors if isinstance(item, dict)}
        return next((_REASONS[reason] for reason in reasons if reason in _REASONS), AccessDenied)
    return QuotaExceeded if error.code == 507 else Unavailable


def _object_is_missing(error: GoogleAPICallError, bucket_exists: Callable[[], bool]) -> bool:
    message = str(error.message).lower()
    if "no such object" in message:
        return True
    return "bucket does not exist" not in message and bucket_exists()


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().partition("\n")[0][:300]
