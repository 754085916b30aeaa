"""S3 with Amazon CloudFront in front: clients fetch blobs there."""

from __future__ import annotations

import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.signers import CloudFrontSigner
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from docker_registry.drivers.s3.client import Store
from docker_registry.drivers.s3.driver import S3Driver
from docker_registry.drivers.s3.settings import store
from docker_registry.errors import ConfigError

if TYPE_CHECKING:
    from docker_registry.config import Settings

_KEY = "cloudfront.keysecret (CF_KEYSECRET)"


class CloudFrontDriver(S3Driver):
    """A bucket that clients read through a CloudFront distribution, by signed URLs.

    :param base: URL of the distribution, whose origin is the bucket.
    :param signer: signs with a key pair that the distribution trusts.
    """

    name = "cloudfronts3"

    def __init__(self, bucket: Store, base: str, signer: CloudFrontSigner) -> None:
        super().__init__(bucket)
        self._base = base.rstrip("/")
        self._signer = signer

    @classmethod
    def from_settings(cls, settings: Settings) -> CloudFrontDriver:
        """Take the keys in ``cloudfront``, and those of ``S3Driver``."""
        keys = settings.cloudfront
        if not (keys.base and keys.keyid and keys.keysecret):
            raise ConfigError(
                "CloudFront needs cloudfront.base (CF_BASE_URL), cloudfront.keyid (CF_KEYID) and "
                f"{_KEY}: set all three, or choose the flavor s3"
            )
        if not keys.base.startswith(("http://", "https://")):
            raise ConfigError(
                f"cloudfront.base (CF_BASE_URL) is {keys.base!r}: set the distribution's URL, with "
                "https:// in front"
            )
        private = _private_key(keys.keysecret.get_secret_value())
        # CloudFront takes no other signature (Developer Guide, "Create a URL signature").
        sign = partial(private.sign, padding=PKCS1v15(), algorithm=SHA1())  # noqa: S303
        return cls(store(settings), keys.base, CloudFrontSigner(keys.keyid, sign))

    def redirect_url(self, path: str, method: str, seconds: int) -> str | None:
        """Sign a URL of the distribution; it is good for GET and for HEAD."""
        until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
        url = f"{self._base}/{quote(self._key(path))}"
        return self._signer.generate_presigned_url(url, date_less_than=until)


def _private_key(text: str) -> RSAPrivateKey:
    """Read the key: PEM text, or the path of a file with it."""
    try:
        # An environment variable may hold the lines of a PEM text as \n.
        pem = text.replace("\\n", "\n") if "-----BEGIN" in text else Path(text).read_text("ascii")
        key = load_pem_private_key(pem.encode(), password=None)
    except OSError as error:
        raise ConfigError(f"{_KEY} can't be read as a file: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{_KEY} is no private key in PEM, without a password") from error
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(f"{_KEY} is no RSA key, which CloudFront needs here")
    return key
