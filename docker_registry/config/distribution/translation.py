"""What a configuration of Distribution says, in our keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from docker_registry.config.distribution.document import Document
from docker_registry.config.distribution.overrides import PREFIX
from docker_registry.config.distribution.values import same


@dataclass(frozen=True)
class Row:
    """A value of Distribution and the key that means the same.

    :ivar name: dotted, within the section that the table is for.
    :ivar read: makes our value of Distribution's; raises ``ValueError``.
    :ivar default: Distribution's, where ours differs.
    """

    name: str
    key: str
    read: Callable[[Any], Any] = same
    default: Any = None


@dataclass(frozen=True)
class Said:
    """The value of a key, and what it was made of.

    :ivar source: where it comes from, for messages.
    :ivar is_default: whether nothing was said, and this is what Distribution then does.
    """

    value: Any
    source: str
    is_default: bool = False


@dataclass
class Translation:
    """A configuration of Distribution on its way into our keys.

    :ivar values: by dotted key, those of the server (``config.Runner``) as well.
    :ivar notes: a sentence for each thing that has no effect.
    :ivar problems: a sentence for each thing that stops the start.
    """

    document: Document
    values: dict[str, Said] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def apply(self, rows: Iterable[Row], section: str = "") -> None:
        """Translate by a table."""
        prefix = f"{section}." if section else ""
        for row in rows:
            value = self.read(prefix + row.name, row.read)
            if value is not None:
                self.say(row.key, value, prefix + row.name)
            elif row.default is not None:
                self.presume(row.key, row.default, prefix + row.name)

    def read(self, name: str, how: Callable[[Any], Any] = same) -> Any:
        """Give what is said under a name, or None; what can't be read is a problem."""
        value = self.document.read(name)
        if value is None or value == "":
            return None
        try:
            return how(value)
        except ValueError as error:
            self.refuse(name, str(error))
            return None

    def say(self, key: str, value: Any, name: str) -> None:
        """Set a key to what was said under a name."""
        self.values[key] = Said(value, self.document.source(name))

    def presume(self, key: str, value: Any, name: str) -> None:
        """Set a key to what Distribution does when nothing is said under a name."""
        self.values[key] = Said(value, f"default of Distribution for {name}", is_default=True)

    def require(self, section: str, *names: str) -> None:
        """Take it for a problem if nothing is said under one of the names of a section."""
        for name in (f"{section}.{name}" for name in names):
            if self.read(name) is None:
                self.problems.append(f"{name} is missing: set it, or {variable(name)}")

    def refuse(self, name: str, reason: str) -> None:
        """Take what is said under a name for a problem."""
        self.problems.append(f"{self._where(name)}: {reason}")

    def note(self, name: str, reason: str) -> None:
        """Tell that what is said under a name has no effect."""
        self.notes.append(f"{self._where(name)} has no effect: {reason}")

    def _where(self, name: str) -> str:
        return f"{name} ({self.document.source(name).removesuffix(f': {name}')})"


def variable(name: str) -> str:
    """Give the variable that overrides a value."""
    return PREFIX + name.upper().replace(".", "_")
