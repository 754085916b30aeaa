"""Environment variables, and what is wrong with the values they bring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from docker_registry.config.keys import Leaf

PREFIX = "_env:"

#: What would be right, in plainer words than pydantic's.
_PLAIN = {
    "bool_parsing": "should be true or false",
    "int_parsing": "should be a whole number",
    "float_parsing": "should be a number",
    "string_type": "should be text",
    "string_unicode": "should be text in UTF-8",
    "missing": "is missing",
    "extra_forbidden": "unknown key",
    "list_type": "should be a list, such as [a, b]",
}


def lookup(environ: Mapping[str, str], variable: str) -> str | None:
    """Give the text of a variable. One that is set to nothing counts as unset."""
    return environ.get(variable) or None


def expand(value: Any, environ: Mapping[str, str], used: list[str]) -> Any:
    """Replace every ``_env:VAR`` and ``_env:VAR:default`` in a value, at any depth.

    A default may contain colons. Without a variable and without a default the result is None,
    and left out of lists and mappings. ``used`` collects the variables that gave text.
    """
    if isinstance(value, list):
        items = (expand(item, environ, used) for item in value)
        return [item for item in items if item is not None]
    if isinstance(value, dict):
        pairs = {name: expand(item, environ, used) for name, item in value.items()}
        return {name: item for name, item in pairs.items() if item is not None}
    if not isinstance(value, str) or not value.startswith(PREFIX):
        return value
    variable, _, default = value.removeprefix(PREFIX).partition(":")
    text = lookup(environ, variable)
    if text is None:
        return default or None
    used.append(variable)
    return text


def explain(
    error: ValidationError, leaves: Iterable[Leaf], sources: Mapping[str, str]
) -> list[str]:
    """Say of each wrong value which key it is, where it comes from and what would be right."""
    known = {leaf.path: leaf for leaf in leaves}
    lines: dict[str, None] = {}
    for detail in error.errors(include_url=False):
        if detail["type"] == "default_factory_not_called":
            continue  # only says that a key it depends on is wrong
        location = tuple(str(part) for part in detail["loc"])
        leaf = next(
            (known[location[:n]] for n in range(len(location), 0, -1) if location[:n] in known),
            None,
        )
        name = leaf.name if leaf else ".".join(location)
        source = f" ({sources[name]})" if name in sources else ""
        purpose = f" [{leaf.field.description}]" if leaf and leaf.field.description else ""
        about = f"{name}{source}{_part(detail, leaf)}: " if name else ""
        lines[f"{about}{_reason(detail, leaf)}{purpose}"] = None
    return list(lines)


def _part(detail: ErrorDetails, leaf: Leaf | None) -> str:
    """Say which part of a list is meant: ``, entry 2, who``."""
    inner = detail["loc"][len(leaf.path) :] if leaf else ()
    # Elsewhere it tells which of several types was tried.
    if not inner or not isinstance(inner[0], int):
        return ""
    names = "".join(f", {part}" for part in inner[1:] if isinstance(part, str))
    return f", entry {inner[0] + 1}{names}"


def _reason(detail: ErrorDetails, leaf: Leaf | None) -> str:
    message = detail["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)
    reason = _PLAIN.get(detail["type"], message)
    value = detail["input"]
    if leaf is None or leaf.secret or not isinstance(value, str | int) or "://" in str(value):
        return reason
    if not reason.startswith("should "):
        return reason
    return f"{str(value)!r} {reason}"


def summary(where: str, problems: list[str]) -> str:
    """Put problems into one message: one line for one, a list for more."""
    if len(problems) == 1:
        return f"{where}: {problems[0]}"
    return f"{where}: {len(problems)} problems" + "".join(f"\n  - {line}" for line in problems)
