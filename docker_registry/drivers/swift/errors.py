"""What the errors of python-swiftclient mean for a driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from requests.exceptions import RequestException, SSLError
from swiftclient.exceptions import ClientException
from urllib3.exceptions import HTTPError

from docker_registry.drivers.openstack.errors import first_line, service_errors
from docker_registry.errors import (
    AccessDenied,
    PathNotFound,
    QuotaExceeded,
    StorageError,
    Unavailable,
)

#: What Swift answers when a quota of the container or the account is used up, and when a disk is.
_FULL = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.INSUFFICIENT_STORAGE)


@contextmanager
def swift_errors(where: str) -> Iterator[None]:
    """Turn what swiftclient and its libraries raise in the block into a ``StorageError``."""
    try:
        with service_errors(where):
            yield
    except ClientException as error:
        raise _translated(where, error) from error
    except SSLError as error:
        raise Unavailable(
            f"{where}: no trusted TLS connection ({first_line(error)}): "
            "check swift_cacert (OS_CACERT)"
        ) from error
    except (RequestException, HTTPError, OSError) as error:
        raise Unavailable(f"{where}: {first_line(error)}") from error


def misses_segments(error: StorageError) -> bool:
    """Tell whether a manifest was refused because segments of it are not there.

    Swift answers 400 then, and 404 for each of them in the body; it does so too, with another
    status, when it couldn't ask for them. Ceph's gateway answers 404 with the name of its error.
    """
    cause = error.__cause__
    if not isinstance(cause, ClientException):
        return False
    body = cause.http_response_content or b""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
    return (cause.http_status == HTTPStatus.BAD_REQUEST and "404 Not Found" in text) or (
        cause.http_status == HTTPStatus.NOT_FOUND and "NoSuchKey" in text
    )


def _translated(where: str, error: ClientException) -> StorageError:
    status = error.http_status
    text = f"{where}: {status or ''} {error.http_reason or first_line(error)}"
    if status == HTTPStatus.NOT_FOUND:
        return PathNotFound(text)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return AccessDenied(
            f"{text}: the user (OS_USERNAME) may not do this in the project (OS_PROJECT_NAME): "
            "give it a role that Swift takes for an operator's, such as member"
        )
    if status in _FULL:
        return QuotaExceeded(f"{text}: a quota of the container or of the account is used up")
    return Unavailable(text)
