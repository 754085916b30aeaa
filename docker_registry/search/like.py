"""Plain text in the patterns of SQL's ``LIKE``."""

from __future__ import annotations

#: Stands before ``%``, ``_`` and itself in a pattern, where they mean themselves. Not a backslash:
#: MySQL would read that as an escape of its own.
ESCAPE = "!"


def escape(part: str) -> str:
    """Give text in which each character means itself."""
    for special in (ESCAPE, "%", "_"):
        part = part.replace(special, ESCAPE + special)
    return part
