"""What keys that have to do with HTTP may hold. All raise ``ValueError``."""

from __future__ import annotations

import re
from ipaddress import ip_network
from urllib.parse import urlsplit

from docker_registry.config.keys import read_flow

_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")
#: RFC 9110, sections 5.6.2 and 5.5, without what is not ASCII.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")
#: What says how long an answer is and how it is sent is not for others to say.
_FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})


def path(value: str) -> str:
    """Check a path, and give it with a slash in front and none at its end."""
    checked = "/" + value.strip("/") if value.strip("/") else ""
    if not _PATH.fullmatch(checked) or "/../" in f"{checked}/" or "/./" in f"{checked}/":
        raise ValueError("should be a path of letters, digits and ._~-, such as /registry")
    return checked


def base_url(value: str | None) -> str | None:
    """Check a URL, and give it without a slash at its end."""
    if value is None:
        return None
    url = urlsplit(value)
    if (
        url.scheme not in ("http", "https")
        or not url.hostname
        or url.query
        or url.fragment
        or "@" in url.netloc
        or not _VALUE.fullmatch(value)
        or " " in value
    ):
        raise ValueError("should be a URL, such as https://registry.example.org")
    return value.rstrip("/")


def header(value: str | None) -> str | None:
    """Check the name of a header."""
    if value is not None and not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} should be the name of a header")
    return value


def networks(values: list[str]) -> list[str]:
    """Check addresses and networks."""
    for value in values:
        try:
            ip_network(value)
        except ValueError as error:
            raise ValueError(
                f"{value!r} should be an IP address, or a network such as 192.0.2.0/24 ({error})"
            ) from error
    return values


def lists(value: object) -> object:
    """Read a mapping from text, and make a list of each value that is none."""
    mapping = read_flow(value)
    if not isinstance(mapping, dict):
        return mapping
    return {name: given if isinstance(given, list) else [given] for name, given in mapping.items()}


def headers(value: dict[str, list[str]]) -> dict[str, list[str]]:
    """Check names and values of headers."""
    for name, texts in value.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} should be the name of a header")
        if name.lower() in _FRAMING:
            raise ValueError(f"{name} is set by the server itself: remove it")
        for text in texts:
            if not _VALUE.fullmatch(text):
                raise ValueError(f"{name} should be one line of ASCII text")
    return value
