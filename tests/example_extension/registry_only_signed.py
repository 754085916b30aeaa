"""Lets only images in that say who made them, and tells of each tag that moves."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from docker_registry.errors import ConfigError
from docker_registry.extensions import Hooks

log = logging.getLogger("docker_registry.only_signed")


class OnlySigned:
    """Goes by the field ``author`` of an image.

    :param domain: what the address in it must end with.
    """

    def __init__(self, domain: str) -> None:
        self.domain = domain

    def veto(self, _sender: object, image_json: dict[str, Any]) -> str | None:
        """Give the reason why an image may not come in."""
        author = image_json.get("author")
        if isinstance(author, str) and author.rstrip(">").endswith(f"@{self.domain}"):
            return None
        return f"The author of an image must have an address at {self.domain}"


def tell(_sender: object, *, namespace: str, repository: str, tag: str, value: str) -> None:
    """Write to the log of the registry."""
    log.info("%s/%s:%s is %s now", namespace, repository, tag, value)


def extend(hooks: Hooks, settings: Mapping[str, Any]) -> None:
    """Connect to the signals; the setting ``domain`` is needed."""
    domain = settings.get("domain")
    if not domain:
        raise ConfigError("extensions.only-signed.domain is missing: set it to a domain of yours")
    # Signals hold what is connected weakly: without weak=False it would be gone at once.
    hooks.v1.before_put_image_json.connect(OnlySigned(domain).veto, weak=False)
    hooks.v1.tag_created.connect(tell)
