"""Keys of Google Cloud Storage."""

from __future__ import annotations

from pydantic import SecretStr

from docker_registry.config.backends.base import DriverKeys
from docker_registry.config.keys import key


class Gcs(DriverKeys):
    """Google Cloud Storage (flavor `gcs`); the bucket is `boto_bucket`."""

    gs_access_key: str | None = key(None, "Id of the interoperability key.", "GCS_KEY")
    gs_secret_key: SecretStr | None = key(None, "Secret of the same.", "GCS_SECRET")
    gs_secure: bool = key(True, "Whether to speak TLS.", "GCS_SECURE")
    oauth2: bool = key(
        False, "Whether to log in by OAuth 2.0 instead of the interoperability key.", "GCS_OAUTH2"
    )
