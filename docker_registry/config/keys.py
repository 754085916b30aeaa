"""How a key of the configuration is declared, and how its text is read.

Values come from YAML files and from environment variables as text. The type of the key decides
what the text means, so a password of ``0123`` stays text, and ``yes`` switches on a switch.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
)
from pydantic.fields import FieldInfo


class Keys(BaseModel):
    """A group of keys: immutable, and closed to keys it doesn't know."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True)
class Leaf:
    """A key that holds a value.

    :ivar path: the names that lead to it, such as ``("cache", "host")``.
    :ivar env: the environment variable that is read when the file doesn't mention the key.
    :ivar group: the model that declares it.
    """

    path: tuple[str, ...]
    field: FieldInfo
    env: str | None
    group: type[BaseModel]

    @property
    def name(self) -> str:
        """The dotted name, such as ``cache.host``."""
        return ".".join(self.path)

    @property
    def secret(self) -> bool:
        """Whether the value must never be shown."""
        return SecretStr in (self.field.annotation, *getattr(self.field.annotation, "__args__", ()))


@dataclass(frozen=True)
class Provenance:
    """Where settings come from. It makes no difference to whether two settings are equal.

    :ivar file: the configuration file; None for settings that were made, not loaded.
    :ivar flavor: the section of the file that was chosen; None if the file is Distribution's.
    :ivar sources: the source of each key that isn't at its default, by dotted name.
    :ivar notes: a sentence for each thing that was given and has no effect.
    """

    file: Path | None = dataclass_field(default=None, compare=False)
    flavor: str | None = dataclass_field(default=None, compare=False)
    sources: Mapping[str, str] = dataclass_field(default_factory=dict, compare=False)
    notes: Sequence[str] = dataclass_field(default=(), compare=False)

    @property
    def place(self) -> str:
        """Name what was chosen, for messages about its values."""
        if self.file and self.flavor is None:
            return f"{self.file} (`docker-registry config check` shows what it says, in our keys)"
        return f"the flavor {self.flavor!r} (see SETTINGS_FLAVOR)"

    def source(self, name: str) -> str:
        """Tell where the value of a key comes from."""
        return self.sources.get(name, "default")


class Loaded(Keys):
    """Keys that know where their values come from."""

    _provenance: Provenance = PrivateAttr(default_factory=Provenance)

    @property
    def provenance(self) -> Provenance:
        """Where the values come from; empty for settings that were not loaded."""
        return self._provenance


def key(default: Any, description: str, env: str | None = None, **rules: Any) -> Any:
    """Declare a key with its default, its description and its environment variable.

    ``rules`` are those of ``pydantic.Field``, such as ``ge`` and ``le``.
    """
    return Field(
        default,
        description=description,
        json_schema_extra={"x-env": env} if env else None,
        **rules,
    )


def section(model: type[Keys], prefix: str = "") -> Any:
    """Declare a nested group of keys.

    With a prefix, the variable of ``host`` in it is ``<prefix>_HOST``, unless it names its own.
    """
    return Field(
        default_factory=model,
        description=(model.__doc__ or "").strip(),
        json_schema_extra={"x-env-prefix": prefix},
    )


def leaves(
    model: type[BaseModel], parents: tuple[str, ...] = (), prefix: str = ""
) -> Iterator[Leaf]:
    """Give every key of a model, those of nested groups included, in order."""
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        path = (*parents, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Keys):
            yield from leaves(field.annotation, path, str(extra.get("x-env-prefix", "")))
            continue
        env = extra.get("x-env") or (f"{prefix}_{name.upper()}" if prefix else None)
        group = next(base for base in model.__mro__ if name in inspect.get_annotations(base))
        yield Leaf(path, field, str(env) if env else None, group)


def gather(
    keys: Iterable[Leaf], find: Callable[[Leaf], tuple[Any, str]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Give the values of keys, nested as a model has them, and their sources by dotted name.

    :param find: gives value and source of a key; None for a key at its default.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for leaf in keys:
        value, source = find(leaf)
        if value is None:
            continue
        sources[leaf.name] = source
        target = values
        for name in leaf.path[:-1]:
            target = target.setdefault(name, {})
        target[leaf.path[-1]] = value
    return values, sources


#: How a YAML flow collection begins.
FLOW = ("[", "{")


def split_list(value: object) -> object:
    """Read a list from text: a YAML flow collection (``[a, b]``), or words between commas."""
    if not isinstance(value, str) or value.lstrip().startswith(FLOW):
        return read_flow(value)
    return [word.strip() for word in value.split(",") if word.strip()]


def read_flow(value: object) -> object:
    """Read text that begins like a YAML flow collection; every scalar in it stays text."""
    if not isinstance(value, str) or not value.lstrip().startswith(FLOW):
        return value
    try:
        # BaseLoader builds text, lists and mappings, and nothing else.
        return yaml.load(value, Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ValueError("should be YAML, such as [a, b] or {a: b}") from error


def lower(value: object) -> object:
    """Make text lower case, and leave everything else alone."""
    return value.lower() if isinstance(value, str) else value


def _compile(patterns: list[str]) -> list[str]:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(
                f"{pattern!r} should be a regular expression of Python: {error}"
            ) from error
    return patterns


#: Words, given as a list, as ``a, b`` or as ``[a, b]``.
Words = Annotated[list[str], BeforeValidator(split_list)]
#: Regular expressions, given in the same ways.
Patterns = Annotated[Words, AfterValidator(_compile)]
#: Whole numbers, given in the same ways.
Numbers = Annotated[list[int], BeforeValidator(split_list)]
#: A TCP port.
Port = Annotated[int, Field(ge=1, le=65535)]
