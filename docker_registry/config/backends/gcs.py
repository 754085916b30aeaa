"""Keys of Google Cloud Storage."""

from __future__ import annotations

from pydantic import SecretStr

from docker_registry.config.backends.base import DriverKeys
from docker_registry.config.keys import key


class Gcs(DriverKeys):
    """Google Cloud Storage (flavor `gcs`)."""

    gs_bucket: str | None = key(
        None, "Name of the bucket; by default that of `boto_bucket`.", "GCS_BUCKET"
    )
    gs_credentials_file: str | None = key(
        None,
        "Path of the key file of a service account; unset, the SDK looks for credentials.",
        "GOOGLE_APPLICATION_CREDENTIALS",
    )
    gs_endpoint: str | None = key(
        None, "URL of the JSON API, where it isn't Google's public one.", "GCS_ENDPOINT"
    )
    gs_emulator: str | None = key(
        None, "URL of an emulator, which is used without credentials.", "STORAGE_EMULATOR_HOST"
    )
    gs_secure: bool = key(
        True, "Must be true: Google takes credentials over TLS only.", "GCS_SECURE"
    )
    gs_access_key: str | None = key(
        None, "Id of an interoperability key, which is not used any more.", "GCS_KEY"
    )
    gs_secret_key: SecretStr | None = key(None, "Secret of the same.", "GCS_SECRET")
    oauth2: bool = key(
        False,
        "Whether to log in by OAuth 2.0; with it an interoperability key is ignored, without it "
        "one stops the start.",
        "GCS_OAUTH2",
    )
