"""Making settings of a configuration file and the environment.

A flavor inherits ``common`` with or without a YAML anchor. The value of a key is what the flavor
says, or else ``common``, or else the key's own environment variable, or else its default.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from docker_registry.config import distribution, environment
from docker_registry.config.distribution.translation import Said, Translation
from docker_registry.config.files import find, flavors, read
from docker_registry.config.keys import Leaf, Provenance, gather, leaves
from docker_registry.config.model import Settings
from docker_registry.config.runner import Runner
from docker_registry.errors import ConfigError

DEFAULT_FLAVOR = "dev"
COMMON = "common"


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Give the settings of the flavor that the environment chooses.

    ``DOCKER_REGISTRY_CONFIG`` names the file and ``SETTINGS_FLAVOR`` the flavor. A file of CNCF
    Distribution has no flavors: it is taken as a whole. Raises ``ConfigError``, which names every
    problem at once.
    """
    path = find(environ)
    document = read(path)
    if distribution.is_distribution(document):
        return _load_distribution(path, document, environ)
    sections = flavors(path, document)
    flavor = environment.lookup(environ, "SETTINGS_FLAVOR") or DEFAULT_FLAVOR
    where = f"{path}, flavor {flavor!r}"
    if flavor not in sections:
        raise ConfigError(
            f"{where}: no such flavor; set SETTINGS_FLAVOR to one of {', '.join(sections)}"
        )
    chosen = [(flavor, sections[flavor]), (COMMON, sections.get(COMMON, {}))]
    problems = _misplaced(chosen)
    values, sources = gather(leaves(Settings), lambda leaf: _value(leaf, chosen, environ))
    settings = _make(values, sources, where, problems)
    settings._provenance = Provenance(path, flavor, sources)
    return settings


def _make(
    values: Mapping[str, Any], sources: Mapping[str, str], where: str, problems: list[str]
) -> Settings:
    """Make settings; all problems, those found before included, are one ``ConfigError``."""
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems = problems + environment.explain(error, leaves(Settings), sources)
    if problems:
        raise ConfigError(environment.summary(where, list(dict.fromkeys(problems))))
    return settings


def translate(document: Mapping[Any, Any], environ: Mapping[str, str]) -> Translation:
    """Translate a configuration of Distribution, whose variables are those that are not ours."""
    ours = {leaf.env for model in (Settings, Runner) for leaf in leaves(model)}
    theirs = {name: text for name, text in environ.items() if name not in ours}
    return distribution.translate(document, theirs)


def _load_distribution(
    path: Path, document: Mapping[Any, Any], environ: Mapping[str, str]
) -> Settings:
    translation = translate(document, environ)
    said = translation.values
    values, sources = gather(leaves(Settings), partial(distribution.find, said, environ))
    where = f"{path}, configuration of Distribution"
    settings = _make(values, sources, where, translation.problems)
    notes = [*translation.notes, *_overruled(said, environ)]
    settings._provenance = Provenance(path, None, sources, notes)
    return settings


def _overruled(said: Mapping[str, Said], environ: Mapping[str, str]) -> Iterator[str]:
    """Name the variables of ours that are set, and have no effect beside Distribution's file."""
    for leaf in (*leaves(Settings), *leaves(Runner)):
        found = said.get(leaf.name)
        if found and not found.is_default and leaf.env and environment.lookup(environ, leaf.env):
            yield f"{leaf.env} has no effect: {leaf.name} is said already ({found.source})"
    if environment.lookup(environ, "SETTINGS_FLAVOR"):
        yield "SETTINGS_FLAVOR has no effect: a file of Distribution has no flavors"


#: A part of the file, with the name of its flavor.
_Section = tuple[str, Mapping[str, Any]]


def _value(leaf: Leaf, sections: Sequence[_Section], environ: Mapping[str, str]) -> tuple[Any, str]:
    for label, section in _naming(sections, leaf.path):
        used: list[str] = []
        value = environment.expand(_dig(section, leaf.path), environ, used)
        return value, f"environment {', '.join(used)}" if used else f"config file: {label}"
    if leaf.env is None:
        return None, ""
    return environment.lookup(environ, leaf.env), f"environment {leaf.env}"


_ABSENT = object()


def _dig(section: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(section, Mapping) or name not in section:
            return _ABSENT
        section = section[name]
    return section


def _naming(sections: Sequence[_Section], path: tuple[str, ...]) -> Sequence[_Section]:
    """Give the sections that hold a key, first the one that it is due to.

    An anchor copies the keys of ``common`` into a flavor: a value that is the same in the next
    section is taken to come from there.
    """
    found = [(label, section) for label, section in sections if _dig(section, path) is not _ABSENT]
    same = len(found) > 1 and _dig(found[0][1], path) == _dig(found[1][1], path)
    return found[1:] if same else found


def _misplaced(sections: Sequence[_Section]) -> list[str]:
    """Say which keys are unknown, and which groups are not mappings."""
    shape: dict[str, Any] = {}
    for leaf in leaves(Settings):
        inner = shape
        for name in leaf.path:
            inner = inner.setdefault(name, {})
    # Later sections overwrite: what an anchor copied from ``common`` is told of ``common`` only.
    found = {
        name: f"{name} (config file: {label}): {problem}"
        for label, section in sections
        for name, problem in _compare(section, shape)
    }
    return list(found.values())


def _compare(
    section: Mapping[str, Any], shape: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, str]]:
    for name, value in ((str(name), value) for name, value in section.items()):
        inner = shape.get(name)
        if inner is None:
            near = difflib.get_close_matches(name, shape, n=1)
            yield (
                f"{prefix}{name}",
                "unknown key" + (f"; did you mean {near[0]!r}?" if near else ""),
            )
        elif inner and isinstance(value, Mapping):
            yield from _compare(value, inner, f"{prefix}{name}.")
        elif inner and value is not None:
            yield f"{prefix}{name}", f"should be a mapping with the keys {', '.join(inner)}"
