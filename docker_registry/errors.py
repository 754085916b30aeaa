"""Every error that crosses a floor of the house.

::

    RegistryError                what a client did wrong, or what is not there
    ├── BlobUnknown              BLOB_UNKNOWN
    ├── BlobUploadInvalid        BLOB_UPLOAD_INVALID
    ├── BlobUploadUnknown        BLOB_UPLOAD_UNKNOWN
    ├── Denied                   DENIED
    │   └── InsufficientScope    DENIED, as 401: another token may do
    ├── DigestInvalid            DIGEST_INVALID
    ├── ManifestBlobUnknown      MANIFEST_BLOB_UNKNOWN
    ├── ManifestInvalid          MANIFEST_INVALID
    ├── ManifestTooLarge         MANIFEST_INVALID, as 413
    ├── ManifestUnknown          MANIFEST_UNKNOWN
    ├── NameInvalid              NAME_INVALID
    ├── NameUnknown              NAME_UNKNOWN
    ├── PaginationNumberInvalid  PAGINATION_NUMBER_INVALID
    ├── RangeInvalid             RANGE_INVALID
    ├── SizeInvalid              SIZE_INVALID
    ├── IdentityUnavailable      UNAVAILABLE
    ├── TagInvalid               TAG_INVALID
    ├── TagWrittenOnce           DENIED
    ├── TokenRequestInvalid      UNSUPPORTED
    ├── TooManyRequests          TOOMANYREQUESTS
    ├── Unauthorized             UNAUTHORIZED
    │   └── TokenInvalid         UNAUTHORIZED: another token may do
    └── Unsupported              UNSUPPORTED
    StorageError                 what a backend could not do
    ├── PathNotFound
    ├── Unavailable              try again later
    ├── AccessDenied             the backend refuses our credentials
    └── QuotaExceeded            no room left
    LayerInvalid                 a V1 layer that can't be read as a tar archive
    ConfigError                  a setting that stops the start

The codes are those of the OCI distribution specification 1.1, "Error Codes", and of CNCF
Distribution where clients know more (``TAG_INVALID``, ``RANGE_INVALID``,
``PAGINATION_NUMBER_INVALID``). Their HTTP statuses are the business of ``docker_registry.api``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class RegistryError(Exception):
    """A request that can't be answered as asked, with the reason for the client.

    ``message`` names what is wrong and what would be right; ``detail`` is any JSON value that
    helps a program (for instance ``{"digest": "sha256:…"}``).
    """

    code: ClassVar[str] = "UNKNOWN"

    def __init__(self, message: str, detail: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail

    def entries(self) -> list[dict[str, Any]]:
        """Give the ``errors`` array of the registry error JSON."""
        return [{"code": self.code, "message": self.message, "detail": self.detail}]


class BlobUnknown(RegistryError):
    """The blob is not in this repository."""

    code = "BLOB_UNKNOWN"


class BlobUploadInvalid(RegistryError):
    """The upload can't go on in this way."""

    code = "BLOB_UPLOAD_INVALID"


class BlobUploadUnknown(RegistryError):
    """The upload session is not in this repository."""

    code = "BLOB_UPLOAD_UNKNOWN"


class Denied(RegistryError):
    """The request is understood, and refused."""

    code = "DENIED"


class InsufficientScope(Denied):
    """The token that was sent is not for this; another one may be."""


class DigestInvalid(RegistryError):
    """A digest that can't be read, or that the content doesn't have."""

    code = "DIGEST_INVALID"


class ManifestBlobUnknown(RegistryError):
    """A manifest refers to content that is not in the repository: one entry a digest."""

    code = "MANIFEST_BLOB_UNKNOWN"

    def __init__(self, digests: Sequence[str]) -> None:
        super().__init__(
            "the manifest refers to content that is not in this repository: push it first",
            {"digests": list(digests)},
        )
        self.digests = tuple(digests)

    def entries(self) -> list[dict[str, Any]]:
        """Give one entry for each missing digest."""
        return [
            {
                "code": self.code,
                "message": f"{digest} is not in this repository: push it before the manifest",
                "detail": {"digest": digest},
            }
            for digest in self.digests
        ]


class ManifestInvalid(RegistryError):
    """A manifest that can't be read as what it claims to be."""

    code = "MANIFEST_INVALID"


class ManifestTooLarge(ManifestInvalid):
    """A manifest longer than the limit."""


class ManifestUnknown(RegistryError):
    """The manifest is not in this repository, under this tag or digest."""

    code = "MANIFEST_UNKNOWN"


class NameInvalid(RegistryError):
    """A repository name that breaks the grammar."""

    code = "NAME_INVALID"


class NameUnknown(RegistryError):
    """No such repository."""

    code = "NAME_UNKNOWN"


class PaginationNumberInvalid(RegistryError):
    """``n`` is not a number that can be served."""

    code = "PAGINATION_NUMBER_INVALID"


class RangeInvalid(RegistryError):
    """A range that the content, or the upload, doesn't have."""

    code = "RANGE_INVALID"


class SizeInvalid(RegistryError):
    """The length that was announced is not the length that came."""

    code = "SIZE_INVALID"


class IdentityUnavailable(RegistryError):
    """Who is asking can't be told at the moment; the same request may succeed later."""

    code = "UNAVAILABLE"


class TagInvalid(RegistryError):
    """A tag that breaks the grammar."""

    code = "TAG_INVALID"


class TagWrittenOnce(Denied):
    """The tag is there, and must not be moved."""


class TokenRequestInvalid(RegistryError):
    """What asks for a token can't be read."""

    # As CNCF Distribution describes the code: "invalid set of parameters".
    code = "UNSUPPORTED"


class TooManyRequests(RegistryError):
    """Too many tries: wait.

    :ivar seconds: for how long.
    """

    code = "TOOMANYREQUESTS"

    def __init__(self, message: str, seconds: int, detail: Any = None) -> None:
        super().__init__(message, detail)
        self.seconds = seconds


class Unauthorized(RegistryError):
    """Only those may do this who say who they are."""

    code = "UNAUTHORIZED"


class TokenInvalid(Unauthorized):
    """The token that was sent has expired, or was never good."""


class Unsupported(RegistryError):
    """The operation exists, but not here."""

    code = "UNSUPPORTED"


class StorageError(Exception):
    """A storage backend could not do what it was asked."""


class PathNotFound(StorageError):
    """Nothing is stored at the path."""


class Unavailable(StorageError):
    """The backend can't be asked at the moment; the same call may succeed later."""


class AccessDenied(StorageError):
    """The backend refuses our credentials."""


class QuotaExceeded(StorageError):
    """The backend has no room left for us."""


class LayerInvalid(Exception):
    """The bytes of a V1 layer are no tar archive, or a damaged one, or one made to do harm."""

    def __init__(self, why: str) -> None:
        # As docker-registry 0.9 says it, and then why.
        super().__init__(f"Layer format not supported: {why}")


class ConfigError(Exception):
    """A setting that can't be used, with the flavor, the key, the variable and the mend."""
