"""Finding and reading a configuration file.

A file is a YAML mapping of flavors, usually joined by anchors (``<<: *common``), or the
configuration of CNCF Distribution. Every scalar in it is text, until the key that it belongs to
gives it a type.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from docker_registry.config import environment
from docker_registry.errors import ConfigError

SAMPLE = "config_sample.yml"

_HERE = Path(__file__).parent
#: The directory with the sample: this package once it is installed, ``config/`` in a checkout.
PACKAGED = _HERE if (_HERE / SAMPLE).exists() else _HERE.parents[1] / "config"


def find(environ: Mapping[str, str] = os.environ) -> Path:
    """Give the path of the configuration file.

    A relative ``DOCKER_REGISTRY_CONFIG`` is looked for in the current directory, then beside the
    sample. Without one it is ``config.yml`` beside the sample, or else the sample itself.
    """
    name = environment.lookup(environ, "DOCKER_REGISTRY_CONFIG")
    if name is None:
        own = PACKAGED / "config.yml"
        return own if own.exists() else PACKAGED / SAMPLE
    candidates = list(dict.fromkeys([Path(name).absolute(), PACKAGED / name]))
    for path in candidates:
        if path.is_file():
            return path
    looked = " and ".join(str(path) for path in candidates)
    raise ConfigError(f"DOCKER_REGISTRY_CONFIG is {name!r}, but there is no file {looked}")


class _Loader(yaml.SafeLoader):
    """YAML in which only ``<<``, ``~`` and ``null`` are more than text."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Give a mapping, and refuse one in which a key is written twice."""
        node = super().compose_mapping_node(anchor)
        seen: set[object] = set()
        for name, _ in node.value:
            if name.value in seen and name.tag != "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(
                    problem=f"the key {name.value!r} is written twice", problem_mark=name.start_mark
                )
            if isinstance(name, yaml.ScalarNode):
                seen.add(name.value)
        return node


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in resolvers if tag.endswith((":null", ":merge"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str | bytes) -> Any:
    """Read YAML in which every scalar is text. Nothing in it is ever executed.

    :raises ValueError: it is not sound; the message is one line.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"is not sound YAML: {_one_line(error)}") from error


def read(path: Path) -> dict[Any, Any]:
    """Give what is in a file: flavors, or the configuration of Distribution."""
    try:
        document = parse(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: should be a YAML mapping of flavors, like {SAMPLE}")
    return document


def flavors(path: Path, document: Mapping[Any, Any]) -> dict[str, dict[str, Any]]:
    """Give the flavors of a file by name."""
    sections = {str(name): section or {} for name, section in document.items()}
    for name, section in sections.items():
        if not isinstance(section, dict):
            raise ConfigError(
                f"{path}: {name!r} should be a flavor, a mapping of keys; see {SAMPLE}"
            )
    return sections


def _one_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = " ".join((getattr(error, "problem", None) or str(error)).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem
