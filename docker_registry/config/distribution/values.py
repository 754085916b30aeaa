"""How values are written in Distribution's configuration. All raise ``ValueError``."""

from __future__ import annotations

import math
import re
from typing import Any

from pydantic import TypeAdapter, ValidationError

_SWITCH = TypeAdapter(bool)

#: Go's time.ParseDuration.
_DURATION = re.compile(r"(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+")
_PIECE = re.compile(r"([\d.]+)([a-zµμ]+)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}


def same(value: Any) -> Any:
    """Give a value as it is: the key that it is for decides what is right."""
    return value


def text(value: Any) -> str:
    """Read text."""
    if not isinstance(value, str):
        raise ValueError("should be text")
    return value


def switch(value: Any) -> bool:
    """Read true or false."""
    try:
        return _SWITCH.validate_python(value)
    except ValidationError:
        raise ValueError("should be true or false") from None


def opposite(value: Any) -> bool:
    """Read true or false, and give the other one."""
    return not switch(value)


def seconds(value: Any) -> int:
    """Read a duration, such as ``168h`` or ``1m30s``. Parts of a second count as a whole one."""
    written = text(value)
    if written == "0":
        return 0
    if not _DURATION.fullmatch(written):
        raise ValueError(f"{written!r} should be a duration with a unit, such as 30s or 168h")
    return math.ceil(sum(float(n) * _SECONDS[unit] for n, unit in _PIECE.findall(written)))


def number_or_default(value: Any) -> Any:
    """Give a number as it is; 0 stands for the default."""
    return None if value == "0" else value


def attempts(value: Any) -> int:
    """Read how often something is tried again, and give how often it is tried."""
    written = text(value)
    if not written.isdecimal():
        raise ValueError(f"{written!r} should be a whole number")
    return int(written) + 1


def host(value: Any) -> str:
    """Give the host of a TCP address such as ``:5000``; without one it is every address."""
    return _address(value)[0] or "0.0.0.0"  # noqa: S104


def port(value: Any) -> str:
    """Give the port of a TCP address."""
    return _address(value)[1]


def _address(value: Any) -> tuple[str, str]:
    written = text(value)
    name, colon, number = written.rpartition(":")
    bracketed = name.startswith("[") and name.endswith("]")
    if not colon or not number.isdecimal() or (":" in name and not bracketed):
        raise ValueError(
            f"{written!r} should be a host and a port, such as 0.0.0.0:5000, [::1]:5000 or :5000"
        )
    return name[1:-1] if bracketed else name, number


def loglevel(value: Any) -> str:
    """Read a level, which Distribution calls error, warn, info or debug."""
    level = text(value).lower()
    return "warning" if level == "warn" else level


def version_of_tls(value: Any) -> str:
    """Read a version of TLS. Those before 1.2 are not spoken here at all."""
    known = {"tls1.0": "1.2", "tls1.1": "1.2", "tls1.2": "1.2", "tls1.3": "1.3"}
    version = text(value)
    if version not in known:
        raise ValueError(f"{version!r} should be one of {', '.join(known)}")
    return known[version]


def client_auth(value: Any) -> str:
    """Read whether clients must have a certificate. Only verified ones count here."""
    known = {
        "require-and-verify-client-cert": "required",
        "verify-client-cert-if-given": "optional",
    }
    mode = text(value)
    if mode not in known:
        raise ValueError(
            f"{mode!r} would let certificates in that nobody has verified: it should be one of "
            f"{', '.join(known)}"
        )
    return known[mode]
