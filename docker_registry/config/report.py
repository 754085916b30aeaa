"""Showing settings: the effective values, their JSON Schema, and their reference."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import groupby
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, SecretStr

from docker_registry.config.backends import DriverKeys
from docker_registry.config.keys import Leaf, Loaded, leaves
from docker_registry.config.model import Settings
from docker_registry.config.runner import Runner

HIDDEN = "******"

#: The password of ``scheme://user:password@host``. It ends at the last ``@``: better to hide too
#: much than too little.
_URL_PASSWORD = re.compile(r"(?<=://)([^:@/\s]*):.*@")
_QUERY_PASSWORD = re.compile(r"([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*", re.I)


def effective(settings: Loaded) -> Iterator[tuple[str, str, str]]:
    """Give name, value and source of each key, secrets hidden.

    Left out are keys without a value, and the keys of a driver if none of them is set.
    """
    keys = list(leaves(type(settings)))
    provenance = settings.provenance
    touched = {leaf.group for leaf in keys if leaf.name in provenance.sources}
    for leaf in keys:
        value = _value(settings, leaf)
        needed = leaf.group in touched or not issubclass(leaf.group, DriverKeys)
        if needed and value not in (None, [], {}):
            yield leaf.name, show(leaf, value), provenance.source(leaf.name)


def _value(settings: BaseModel, leaf: Leaf) -> Any:
    value: Any = settings
    for name in leaf.path:
        value = getattr(value, name)
    return value


def show(leaf: Leaf, value: Any) -> str:
    """Write a value as one would in a file, with nothing secret in it."""
    if leaf.secret:
        return HIDDEN
    if leaf.path[0] == "extensions":
        return "{" + ", ".join(f"{name}: {HIDDEN}" for name in value) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(show(leaf, item) for item in value) + "]"
    if isinstance(value, BaseModel):
        flow = yaml.safe_dump(
            value.model_dump(), default_flow_style=True, sort_keys=False, width=math.inf
        )
        return flow.strip()
    text = str(value).encode(errors="backslashreplace").decode()
    text = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    return _QUERY_PASSWORD.sub(rf"\1{HIDDEN}", text)


def schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a configuration file, for editors and checks."""
    settings = Settings.model_json_schema()
    definitions = settings.pop("$defs")
    definitions["Settings"] = settings
    for group in definitions.values():
        group["properties"] = {
            name: _or_variable(rule) for name, rule in group["properties"].items()
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of docker-registry",
        "description": "Flavors by name; each inherits `common`.",
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/Settings"},
        "$defs": definitions,
    }


def _or_variable(rule: dict[str, Any]) -> dict[str, Any]:
    """Allow ``_env:VAR`` and null beside what a key takes; lists may be text as well."""
    about: dict[str, Any] = {
        name: rule.pop(name) for name in ("description", "default", "x-env") if name in rule
    }
    text = {"type": "string"} if rule.get("type") == "array" else {"pattern": "^_env:[^:]+"}
    if "$ref" in rule:
        return {"anyOf": [rule, {"type": "null"}], **about}
    return {"anyOf": [rule, {"type": "string", **text}, {"type": "null"}], **about}


def documentation() -> str:
    """Give the reference of all keys and variables, as ``docs/configuration.md`` has it."""
    return (
        f"## Keys of the configuration file\n\n{reference(Settings)}\n"
        f"## Environment of the server\n\n{reference(Runner)}"
    )


def reference(model: type[BaseModel]) -> str:
    """Give the reference of a model's keys as Markdown: one table a group."""
    parts = []
    for (group, parents), members in groupby(
        leaves(model), lambda leaf: (leaf.group, leaf.path[:-1])
    ):
        title = (group.__doc__ or "").splitlines()[0]
        prefix = f" `{'.'.join(parents)}`" if parents else ""
        parts.append(f"###{prefix} {title}\n\n" + _HEAD + "".join(map(_row, members)))
    return "\n".join(parts)


_HEAD = "| key | variable | type | default | meaning |\n|---|---|---|---|---|\n"


def _row(leaf: Leaf) -> str:
    variable = f"`{leaf.env}`" if leaf.env else ""
    default = leaf.field.get_default(call_default_factory=False)
    shown = "" if default in (None, [], {}) or leaf.field.default_factory else show(leaf, default)
    code = f"`{shown}`" if shown else ""
    meaning = leaf.field.description or ""
    return f"| `{leaf.name}` | {variable} | {kind(leaf.field.annotation)} | {code} | {meaning} |\n"


_KINDS = {
    SecretStr: "secret",
    dict: "mapping",
    list: "list",
    bool: "switch",
    int: "number",
    float: "number",
}


def kind(annotation: Any) -> str:
    """Name the type of a key in plain words; where there are several, the richest."""
    types = set(_types(annotation))
    return next((name for known, name in _KINDS.items() if known in types), "text")


def _types(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _types(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for one in get_args(annotation):
            yield from _types(one)
    else:
        yield origin or annotation
