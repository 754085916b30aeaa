"""What the views work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from docker_registry.api.readiness import Readiness
from docker_registry.auth import Authority
from docker_registry.config import Settings
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.search.base import SearchIndex

_KEY = "docker_registry"


@dataclass(frozen=True, slots=True)
class Context:
    """What an application serves.

    :ivar legacy: the V1 store.
    :ivar authority: whom to ask who may come in, or ``None`` where everybody may.
    :ivar index: the search index, or ``None`` where search is off.
    """

    settings: Settings
    registry: Registry
    legacy: LegacyStore
    index: SearchIndex | None
    readiness: Readiness
    authority: Authority | None

    def install(self, app: Flask) -> None:
        """Make this the context of an application's views."""
        app.extensions[_KEY] = self


def context() -> Context:
    """Give the context of the application that answers this request."""
    return cast(Context, current_app.extensions[_KEY])
