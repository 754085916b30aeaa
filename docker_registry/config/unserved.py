"""What this version reads but does not act upon: keys of docker-registry 0.9, and others."""

from __future__ import annotations

from collections.abc import Iterator

from docker_registry.config.model import Settings
from docker_registry.errors import ConfigError

#: Each such key, and what it would do.
UNSERVED = {
    "bugsnag": "reports to Bugsnag",
    "cache_lru": "caching small objects in Redis",
    "cors": "requests of browsers from elsewhere",
    "email_exceptions": "mail on errors",
    "mirroring": "fetching from another registry",
    "privileged_key": "a privileged client",
}


def without_effect(settings: Settings) -> Iterator[str]:
    """Give a sentence for each thing that was set and has no effect."""
    # The only use of it so far is to count failed logins.
    idle = (
        {} if settings.auth else {"cache": "counting failed logins in Redis, and auth is not set"}
    )
    for key, purpose in (UNSERVED | idle).items():
        default = Settings.model_fields[key].get_default(
            call_default_factory=True, validated_data={}
        )
        if getattr(settings, key) != default:
            yield f"{key} has no effect in this version: it is for {purpose}"
    yield from settings.provenance.notes


def refuse_unsafe(settings: Settings) -> None:
    """Raise ``ConfigError`` for what an operator relies on for safety and would not get."""
    if not settings.standalone:
        raise ConfigError(
            "standalone (STANDALONE) is false, but this version can't check the tokens of an index "
            "server and would let everybody in: remove the setting, and say by auth (AUTH) how to "
            "tell who somebody is"
        )
