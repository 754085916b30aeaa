"""Which URLs a manifest may have for its layers.

A client may fetch a layer from a URL in the manifest instead of the registry (OCI image
specification 1.1, descriptor.md, ``urls``): whoever may push could send all others anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from docker_registry.errors import ManifestInvalid
from docker_registry.registry.manifest import Manifest


class LayerUrls:
    """A rule for the URLs of layers.

    :param allow: regular expressions, one of which must be found in each URL.
    :param deny: regular expressions, none of which may be found.
    """

    def __init__(self, allow: Iterable[str] = (".",), deny: Iterable[str] = ()) -> None:
        self._allow = [re.compile(pattern) for pattern in allow]
        self._deny = [re.compile(pattern) for pattern in deny]

    def check(self, manifest: Manifest) -> None:
        """Raise ``ManifestInvalid`` if a URL is not allowed."""
        for layer in manifest.layers:
            for url in layer.urls:
                if not self._allows(url):
                    raise ManifestInvalid(
                        "a layer has a URL that this registry doesn't allow: push the layer, and "
                        "a manifest without 'urls'",
                        {"digest": layer.digest, "url": url[:256]},
                    )

    def _allows(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return (
            parts.scheme in ("http", "https")
            and not parts.fragment
            and any(pattern.search(url) for pattern in self._allow)
            and not any(pattern.search(url) for pattern in self._deny)
        )
