#!/usr/bin/env python3
"""Bring the reference in docs/configuration.md up to date with the model of the settings."""

from pathlib import Path

from docker_registry.config.report import documentation

MARK = "<!-- From here on made by contrib/config-docs.py. -->\n"
DOCUMENT = Path(__file__).parents[1] / "docs" / "configuration.md"


def main() -> None:
    prose, _, _ = DOCUMENT.read_text(encoding="utf-8").partition(MARK)
    DOCUMENT.write_text(f"{prose}{MARK}\n{documentation()}", encoding="utf-8")


if __name__ == "__main__":
    main()
