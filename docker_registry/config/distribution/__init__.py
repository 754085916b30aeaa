"""Distribution's ``config.yml`` (version 0.1), accepted as it is.

Its values, and those of the ``REGISTRY_*`` variables that override them, are translated into our
keys; what has no effect is told by name, and what safety rests on and can't be honoured stops the
start. A key that neither mentions has the value of its own variable, as in a flavor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docker_registry.config import environment
from docker_registry.config.distribution import (
    auth,
    general,
    middleware,
    refusals,
    stores,
    without_effect,
)
from docker_registry.config.distribution.document import Document
from docker_registry.config.distribution.overrides import override
from docker_registry.config.distribution.translation import Said, Translation
from docker_registry.config.keys import Leaf

VERSION = "0.1"


def is_distribution(document: Mapping[Any, Any]) -> bool:
    """Whether a file is Distribution's: flavors are mappings, and so none can be a ``version``."""
    return isinstance(document.get("version"), str)


def translate(document: Mapping[Any, Any], environ: Mapping[str, str]) -> Translation:
    """Translate a configuration, with the overrides of an environment."""
    overridden = override(document, environ)
    translation = Translation(Document(overridden.tree, overridden.variables))
    translation.notes += overridden.notes
    translation.problems += overridden.problems
    version = str(document["version"])
    if version != VERSION:
        translation.problems.append(f"version is {version!r}: only {VERSION} is known")
        return translation
    general.translate(translation)
    auth.translate(translation)
    section = stores.translate(translation)
    middleware.translate(translation)
    refusals.check(translation)
    without_effect.report(translation, section)
    return translation


def find(said: Mapping[str, Said], environ: Mapping[str, str], leaf: Leaf) -> tuple[Any, str]:
    """Give value and source of a key.

    What is said goes before the key's variable, and that before what Distribution does by default.
    """
    found = said.get(leaf.name)
    if found is not None and not found.is_default:
        return found.value, found.source
    value = environment.lookup(environ, leaf.env) if leaf.env else None
    if value is not None or found is None:
        return value, f"environment {leaf.env}"
    return found.value, found.source
