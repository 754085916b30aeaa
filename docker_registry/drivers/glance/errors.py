"""What Glance and its client say, as the errors that drivers raise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from glanceclient import exc
from keystoneauth1 import exceptions as keystone

from docker_registry.errors import (
    AccessDenied,
    PathNotFound,
    QuotaExceeded,
    StorageError,
    Unavailable,
)

#: By status (Image service API v2). An upload ends with 410 when its image is deleted meanwhile.
_KINDS: dict[int, type[StorageError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: PathNotFound,
    410: PathNotFound,
    413: QuotaExceeded,
}

#: What the client raises when it stumbles over an answer that it can't make sense of.
_NONSENSE = (KeyError, ValueError, TypeError, AttributeError)


@contextmanager
def glance_errors(what: str) -> Iterator[None]:
    """Turn every exception of the clients into the ``StorageError`` it means, about ``what``."""
    try:
        yield
    except exc.HTTPException as error:
        raise status_error(what, error.code, str(error)) from error
    except keystone.Unauthorized as error:
        raise AccessDenied(f"{what}: Keystone refuses our credentials: {error}") from error
    except (exc.BaseException, keystone.ClientException) as error:
        raise Unavailable(f"{what}: {_line(str(error))}") from error
    except _NONSENSE as error:
        raise Unavailable(
            f"{what}: Glance gave an answer that makes no sense: {error!r}"
        ) from error


def status_error(what: str, status: object, text: str) -> StorageError:
    """Give the error that an HTTP status means."""
    kind = _KINDS.get(status, Unavailable) if isinstance(status, int) else Unavailable
    return kind(f"{what}: Glance answers {status}: {_line(text)}")


def _line(text: str) -> str:
    return " ".join(text.split())[:500]
