"""Distribution's configuration as a tree, which remembers what was read of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from docker_registry.config.distribution.overrides import Path


class Document:
    """A configuration with its overrides, read by dotted names such as ``http.tls.key``.

    :param tree: mappings and lists of text, as the file and the variables have it.
    :param overrides: the variable that gave what is at a path, by path.
    """

    def __init__(self, tree: Mapping[str, Any], overrides: Mapping[Path, str]) -> None:
        self._tree = tree
        self._overrides = overrides
        self._read: set[Path] = set()
        self._opened: set[Path] = set()

    def read(self, name: str) -> Any:
        """Give all that is said under a name, or None. It doesn't count as unread any more."""
        path = tuple(name.split("."))
        self._read.add(path)
        return self._find(path)

    def names(self, name: str) -> list[str]:
        """Give the names right below a name. What is said under them is yet to be read."""
        path = tuple(name.split("."))
        found = self._find(path)
        names = list(found) if isinstance(found, Mapping) else []
        self._opened |= {path, *((*path, name) for name in names)}
        return names

    def source(self, name: str) -> str:
        """Tell where what is said under a name comes from."""
        path = tuple(name.split("."))
        above = [(len(at), self._overrides[at]) for at in self._overrides if at == path[: len(at)]]
        below = [self._overrides[at] for at in self._overrides if at[: len(path)] == path]
        variables = [variable for _, variable in sorted(above)[-1:]] + below
        if variables:
            return f"environment {', '.join(dict.fromkeys(variables))}"
        return f"config file: {name}"

    def unread(self) -> list[str]:
        """Give the name of everything that is said and that nobody has read."""
        return [
            ".".join(path)
            for path in _ends(self._tree)
            # A section that is known, and empty, says nothing.
            if (self._find(path) or not self._is_section(path))
            and not any(path[:length] in self._read for length in range(1, len(path) + 1))
        ]

    def is_section(self, name: str) -> bool:
        """Whether a name is that of a mapping, by what was read below it."""
        return self._is_section(tuple(name.split(".")))

    def _is_section(self, path: Path) -> bool:
        return path in self._opened or any(
            len(read) > len(path) and read[: len(path)] == path for read in self._read
        )

    def nearest(self, name: str) -> str | None:
        """Give the name, of those that were read, that a name may be a misspelling of."""
        *parents, last = name.split(".")
        beside = {
            path[len(parents)]
            for path in self._read
            if len(path) > len(parents) and list(path[: len(parents)]) == parents
        }
        near = difflib.get_close_matches(last.lower(), beside, n=1)
        return ".".join([*parents, near[0]]) if near else None

    def _find(self, path: Path) -> Any:
        found: Any = self._tree
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


def _ends(tree: Mapping[str, Any], parents: Path = ()) -> Iterator[Path]:
    for name, value in tree.items():
        path = (*parents, str(name))
        if isinstance(value, Mapping) and value:
            yield from _ends(value, path)
        else:
            yield path
