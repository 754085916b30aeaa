"""Middlewares: CloudFront, which is a driver here, and others, which are not there."""

from __future__ import annotations

from typing import Any

from docker_registry.config.distribution.translation import Translation
from docker_registry.config.distribution.values import switch, text

#: The options of ``cloudfront`` in the keys of the driver ``cloudfronts3``.
_CLOUDFRONT = {"baseurl": "base", "keypairid": "keyid", "privatekey": "keysecret"}
#: What it may say without a note: the time that is ours as well, and no exceptions.
_AS_HERE = {"duration": ("20m", "20m0s", "1200s"), "ipfilteredby": ("", "none")}


def translate(translation: Translation) -> None:
    """Translate those that are not disabled."""
    for kind in translation.document.names("middleware"):
        where = f"middleware.{kind}"
        entries = translation.read(where)
        for entry in entries if isinstance(entries, list) else [entries]:
            try:
                if not _is_disabled(entry):
                    _translate(translation, where, entry)
            except ValueError as error:
                translation.refuse(where, str(error))


def _is_disabled(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("options") or {}, dict):
        raise ValueError("should be a list of mappings with a name and options")
    return switch(entry.get("disabled") or False)


def _translate(translation: Translation, where: str, entry: dict[str, Any]) -> None:
    name = entry.get("name")
    if where == "middleware.storage" and name == "cloudfront":
        _cloudfront(translation, where, entry.get("options") or {})
    elif where == "middleware.storage" and name in ("redirect", "rewrite"):
        translation.say("storage_redirect", False, where)
        translation.note(
            where, f"{name} is not in this version: clients get blobs from the registry itself"
        )
    else:
        translation.refuse(where, f"{name!r} is not in this version: remove it, or disable it")


def _cloudfront(translation: Translation, where: str, options: dict[str, Any]) -> None:
    driver = translation.values.get("storage")
    if driver is None or driver.value != "s3":
        translation.refuse(where, "cloudfront needs the storage driver s3")
        return
    translation.say("storage", "cloudfronts3", where)
    for option, value in options.items():
        if option in _CLOUDFRONT:
            translation.say(f"cloudfront.{_CLOUDFRONT[option]}", _option(option, value), where)
        elif value not in _AS_HERE.get(option, ()):
            translation.note(
                where,
                f"{option} of cloudfront is not in this version: all clients are sent to "
                "CloudFront, by addresses that are good for 20 minutes",
            )


def _option(option: str, value: Any) -> str:
    given = text(value)
    return f"https://{given}" if option == "baseurl" and "://" not in given else given
