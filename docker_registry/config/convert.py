"""A flavor of ours out of a configuration of CNCF Distribution."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from docker_registry.config import distribution
from docker_registry.config.distribution.translation import Said
from docker_registry.config.environment import PREFIX
from docker_registry.config.files import find, read
from docker_registry.config.keys import Leaf, gather, leaves
from docker_registry.config.loader import load, translate
from docker_registry.config.model import Settings
from docker_registry.config.runner import Runner, load_runner
from docker_registry.errors import ConfigError

#: The name of the flavor.
FLAVOR = "distribution"


@dataclass(frozen=True)
class Converted:
    """A configuration file with one flavor.

    :ivar text: YAML, with what has no effect, and ``exports``, as comments.
    :ivar exports: the variables to set beside it: those of the server, which no flavor has.
    :ivar secrets: the keys in it that nobody else should see.
    """

    text: str
    exports: Mapping[str, str]
    secrets: list[str]


def convert(environ: Mapping[str, str] = os.environ) -> Converted:
    """Convert the file that ``DOCKER_REGISTRY_CONFIG`` names, with the variables that override it.

    :raises ConfigError: the file is none of Distribution, or the registry would not start with it.
    """
    path = find(environ)
    document = read(path)
    if not distribution.is_distribution(document):
        raise ConfigError(f"{path}: is no configuration of Distribution, which has a version: 0.1")
    load(environ)
    load_runner(environ)
    translation = translate(document, environ)
    said = translation.values
    exports = {
        leaf.env: _text(said[leaf.name].value)
        for leaf in leaves(Runner)
        if leaf.env and leaf.name in said
    }
    comments = _comments(path, translation.notes, exports)
    values, _ = gather(leaves(Settings), lambda leaf: (_value(leaf, said.get(leaf.name)), ""))
    flavor = yaml.safe_dump({FLAVOR: values}, sort_keys=False, allow_unicode=True, indent=4)
    secrets = [leaf.name for leaf in leaves(Settings) if leaf.secret and leaf.name in said]
    return Converted(f"{comments}\n{flavor}", exports, secrets)


def _comments(path: Path, notes: list[str], exports: Mapping[str, str]) -> str:
    lines = [f"Made of {path} by docker-registry config convert.", *notes]
    if exports:
        lines += ["The server has variables of its own:"]
        lines += [f"    export {name}={shlex.quote(text)}" for name, text in exports.items()]
    return "".join(f"# {line}\n" for text in lines for line in text.splitlines())


def _value(leaf: Leaf, said: Said | None) -> Any:
    if said is None:
        return None
    if said.is_default and leaf.env:
        return f"{PREFIX}{leaf.env}:{_text(said.value)}"
    return _literal(said.value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, list) else str(value)


def _literal(value: Any) -> Any:
    """Write a value so that it is not taken for the name of a variable."""
    if isinstance(value, list):
        return [_literal(item) for item in value]
    if isinstance(value, dict):
        return {name: _literal(item) for name, item in value.items()}
    if isinstance(value, str) and value.startswith(PREFIX):
        # No variable has an empty name: what is behind it is always the value.
        return f"{PREFIX}:{value}"
    return value
