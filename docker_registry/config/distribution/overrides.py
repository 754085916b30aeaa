"""``REGISTRY_*``: the variables by which Distribution's configuration is overridden.

The rules are those of Distribution's ``configuration/parser.go``: behind the prefix, the name of a
variable is the path of a value, with underscores between names; its text is YAML. Variables are
applied in the order of their names, so that ``REGISTRY_STORAGE`` comes before
``REGISTRY_STORAGE_S3_BUCKET``.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from docker_registry.config.files import parse

PREFIX = "REGISTRY_"

#: The names that lead to a value.
Path = tuple[str, ...]

#: Every section of versions 2 and 3. Variables of other names are not meant for the registry:
#: Kubernetes makes some for each service, such as REGISTRY_SERVICE_HOST.
SECTIONS = frozenset(
    {
        *("auth", "catalog", "compatibility", "health", "http", "log", "loglevel", "middleware"),
        *("notifications", "policy", "proxy", "redis", "reporting", "storage", "tags"),
        "validation",
    }
)

#: What Distribution names otherwise in variables than in files.
_IN_FILES: dict[Path, str] = {
    ("health", "filecheckers"): "file",
    ("health", "httpcheckers"): "http",
    ("health", "tcpcheckers"): "tcp",
    ("notifications", "eventconfig"): "events",
}

#: Sections that may be one word, the kind, instead of a mapping from the kind to its parameters.
_KINDS = ("storage", "auth")


@dataclass
class Overridden:
    """A configuration after its overrides.

    :ivar variables: the variable that gave what is at a path, by path.
    :ivar notes: a sentence for each variable that has no effect.
    :ivar problems: a sentence for each variable that can't be used.
    """

    tree: dict[str, Any]
    variables: dict[Path, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def override(document: Mapping[Any, Any], environ: Mapping[str, str]) -> Overridden:
    """Apply the variables of an environment to the configuration that a file has."""
    result = Overridden({str(name): deepcopy(section) for name, section in document.items()})
    _open_kinds(result.tree)
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            continue
        names = variable.removeprefix(PREFIX).split("_")
        if names[0].lower() not in SECTIONS or not all(names):
            result.notes.append(
                f"{variable} has no effect: Distribution's configuration has nothing of that name"
            )
            continue
        try:
            value = parse(environ[variable])
            path = _set(result.tree, names, value)
        except ValueError as error:
            result.problems.append(f"{variable}: {error}")
            continue
        except LookupError as error:
            result.notes.append(f"{variable} has no effect: {error.args[0]}")
            continue
        result.variables[path] = variable
        _open_kinds(result.tree)
    return result


def _open_kinds(tree: dict[str, Any]) -> None:
    for section in _KINDS:
        if isinstance(tree.get(section), str):
            tree[section] = {tree[section]: {}}


def _set(tree: dict[str, Any], names: list[str], value: Any) -> Path:
    """Set a value, and give its path; mappings and lists on the way are made if need be.

    :raises LookupError: the path goes on below a value that is no mapping and no list.
    :raises ValueError: there is no such place in a list.
    """
    place: Any = tree
    path: Path = ()
    for position, name in enumerate(names):
        key: Any = _index(place, name, path) if isinstance(place, list) else _key(place, name, path)
        path = (*path, str(key))
        if position == len(names) - 1:
            place[key] = value
        elif place[key] is None:
            place[key] = [] if names[position + 1].isdecimal() else {}
        elif not isinstance(place[key], dict | list):
            raise LookupError(f"{'.'.join(path)} is one value, with nothing below it")
        place = place[key]
    return path


def _key(place: dict[str, Any], name: str, parents: Path) -> str:
    """Give the key that is meant, whatever its case; a new one is in lower case."""
    wanted = _IN_FILES.get((*parents, name.lower()), name.lower())
    key = next((str(key) for key in place if str(key).lower() == wanted), wanted)
    place.setdefault(key, None)
    return key


def _index(place: list[Any], name: str, parents: Path) -> int:
    if not name.isdecimal() or int(name) > len(place):
        raise ValueError(
            f"{'.'.join(parents)} is a list of {len(place)}: its entries are 0 to {len(place)}, "
            f"the last of which is new, and not {name}"
        )
    if int(name) == len(place):
        place.append(None)
    return int(name)
