"""Files of users for tests, with hashes that cost little."""

from __future__ import annotations

from pathlib import Path

import bcrypt

#: The least that bcrypt takes.
COST = 4


def line(user: str, password: str, cost: int = COST) -> str:
    return f"{user}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()}\n"


def write(path: Path, *lines: str) -> Path:
    """Replace a file by a new one, as an editor or ``docker-registry user`` does."""
    new = path.with_suffix(".new")
    new.write_text("".join(lines), encoding="utf-8")
    return new.replace(path)
