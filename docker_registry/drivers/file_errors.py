"""What the operating system's errors about files mean for a storage."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from docker_registry.errors import (
    AccessDenied,
    PathNotFound,
    QuotaExceeded,
    StorageError,
    Unavailable,
)

_ERRORS: dict[int | None, type[StorageError]] = {
    errno.ENOENT: PathNotFound,
    errno.ENOTDIR: PathNotFound,
    errno.EISDIR: PathNotFound,
    errno.ENAMETOOLONG: PathNotFound,
    errno.EACCES: AccessDenied,
    errno.EPERM: AccessDenied,
    errno.EROFS: AccessDenied,
    errno.ENOSPC: QuotaExceeded,
    errno.EDQUOT: QuotaExceeded,
}


@contextmanager
def storage_errors(path: str) -> Iterator[None]:
    """Turn every ``OSError`` of the block into the ``StorageError`` it means, about ``path``."""
    try:
        yield
    except OSError as error:
        kind = _ERRORS.get(error.errno, Unavailable)
        raise kind(f"{path}: {error.strerror or error}") from error
