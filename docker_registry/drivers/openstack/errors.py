"""What the errors of keystoneauth mean for a driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from keystoneauth1 import exceptions

from docker_registry.errors import AccessDenied, StorageError, Unavailable

#: What to look at when Keystone knows us, and the service has nothing for us.
CATALOG = (
    "check the region (OS_REGION_NAME), the interface (OS_INTERFACE) and the project "
    "(OS_PROJECT_NAME)"
)
#: What to look at when a login fails.
LOGIN = (
    "check the user (OS_USERNAME, OS_USER_DOMAIN_NAME), the password (OS_PASSWORD), the project "
    "(OS_PROJECT_NAME, OS_PROJECT_DOMAIN_NAME), or the application credential "
    "(OS_APPLICATION_CREDENTIAL_ID, OS_APPLICATION_CREDENTIAL_SECRET)"
)


@contextmanager
def service_errors(where: str) -> Iterator[None]:
    """Turn what keystoneauth raises in the block into a ``StorageError`` about ``where``.

    It raises for connections and logins; for the status of an answer only if it was asked to.
    """
    try:
        yield
    except exceptions.ClientException as error:
        raise _translated(where, error) from error


def _translated(where: str, error: exceptions.ClientException) -> StorageError:
    text = first_line(error)
    match error:
        case exceptions.Unauthorized() | exceptions.Forbidden() | exceptions.NotFound():
            # Keystone says 404 for an application credential that it doesn't know.
            return AccessDenied(f"{where}: the login is refused ({text}): {LOGIN}")
        case exceptions.SSLError():
            return Unavailable(
                f"{where}: no trusted TLS connection ({text}): "
                "check swift_cacert (OS_CACERT), and whether the URL is right"
            )
        case exceptions.CatalogException():
            return Unavailable(f"{where}: {text}: {CATALOG}")
        case exceptions.DiscoveryFailure() | exceptions.InvalidResponse() | exceptions.BadRequest():
            return Unavailable(
                f"{where}: the login doesn't answer as expected ({text}): "
                "check swift_authurl (OS_AUTH_URL) and swift_auth_version "
                "(OS_IDENTITY_API_VERSION)"
            )
        case _:
            return Unavailable(f"{where}: {text}")


def first_line(error: Exception) -> str:
    """Give the message of an error in one line."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
