"""URLs that let anybody read one object for a while: Swift API, "Temporary URL middleware"."""

from __future__ import annotations

from functools import cached_property
from urllib.parse import quote, urlsplit

from swiftclient.utils import generate_temp_url

from docker_registry.drivers.swift.client import Container
from docker_registry.drivers.swift.errors import swift_errors
from docker_registry.drivers.swift.limits import Limits

#: From the strongest on.
_DIGESTS = ("sha256", "sha512", "sha1")


class Signer:
    """Signs URLs of the objects of a container.

    :param key: that signs; by default the one that the container, or else the account, has.
    :param public_url: scheme and host by which clients reach Swift, if not those of the registry.
    :param alone: whether the container has all that its objects consist of: what is signed with its
        own key opens nothing that lies elsewhere.
    """

    def __init__(
        self, container: Container, key: str | None, public_url: str | None, alone: bool
    ) -> None:
        self._container = container
        self._given = key
        self._public_url = public_url
        self._alone = alone

    def sign(self, name: str, method: str, seconds: int) -> str | None:
        """Give a URL of an object; ``None`` if there is no key."""
        key = self._key
        if not key:
            return None
        url = urlsplit(self._container.path(name))
        signed = generate_temp_url(url.path, seconds, key, method, digest=self._digest)
        path, _, query = signed.rpartition("?")
        base = (self._public_url or f"{url.scheme}://{url.netloc}").rstrip("/")
        # Else it is sent as an attachment that has the object's name.
        return f"{base}{quote(path)}?{query}&inline"

    @cached_property
    def _key(self) -> str | None:
        if self._given:
            return self._given
        with swift_errors("Swift"):
            connection = self._container.connection
            key = None
            if self._alone:
                found = connection.head_container(self._container.name)
                key = found.get("x-container-meta-temp-url-key")
            if not key:
                key = connection.head_account().get("x-account-meta-temp-url-key")
        return str(key) if key else None

    @cached_property
    def _digest(self) -> str:
        allowed = Limits.of(self._container).digests
        return next((digest for digest in _DIGESTS if digest in allowed), "sha1")
