"""Ranges of names, as sorted listings and indexes of databases are read."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

#: Less, and greater, than every character of a repository's name.
LEAST, GREATEST = "!", "~"
_NO_CHARACTER = re.compile(r"[^a-z0-9._/-]")


@dataclass(frozen=True, slots=True)
class NameRange:
    """The repository names, in byte order, from ``low`` on that are less than ``high``."""

    low: str
    high: str

    @classmethod
    def of(cls, name: str) -> NameRange:
        """Give the range that has one name."""
        return cls(name, name + LEAST)

    @classmethod
    def beginning_with(cls, text: str) -> NameRange:
        """Give the range of all names that begin with a text."""
        return cls(text, text + GREATEST)

    def __contains__(self, name: str) -> bool:
        return self.low <= name < self.high

    @property
    def is_one_name(self) -> bool:
        """Whether ``low`` is the only name."""
        return self.high == self.low + LEAST

    @property
    def directory(self) -> str:
        """What all of the names begin with, as far as it ends in a slash."""
        directory = self.low[: self.low.rfind("/") + 1]
        while directory and self.high > directory + GREATEST:
            directory = directory[: directory[:-1].rfind("/") + 1]
        return directory

    def meets(self, other: NameRange) -> bool:
        """Tell whether some name may be in both."""
        return self.low < other.high and other.low < self.high

    def behind(self, name: str) -> NameRange | None:
        """Give the range of those names that are greater than a text; ``None`` if none is.

        The text may be any. Of what no name has in it only the first character counts, so that
        databases which don't take every text can compare with the bounds.
        """
        other = _NO_CHARACTER.search(name)
        if other is not None:
            low = name[: other.start()] + min(max(other[0], LEAST), GREATEST)
        else:
            low = name + LEAST if name else ""
        low = max(low, self.low)
        return NameRange(low, self.high) if low < self.high else None


class NameSet:
    """A set of names that consists of ranges; empty at first."""

    def __init__(self) -> None:
        # Where it begins, where it ends, where it begins again, and so on.
        self._bounds: list[str] = []

    def add(self, part: NameRange) -> None:
        """Take a range into it."""
        self._replace(part, is_in=True)

    def remove(self, part: NameRange) -> None:
        """Take a range out of it."""
        self._replace(part, is_in=False)

    def ranges(self) -> list[NameRange]:
        """Give the ranges of which it consists, in byte order."""
        return list(map(NameRange, self._bounds[::2], self._bounds[1::2]))

    def _replace(self, part: NameRange, *, is_in: bool) -> None:
        first = bisect_left(self._bounds, part.low)
        last = bisect_right(self._bounds, part.high)
        # What is in front of an even position is outside: there a bound begins something.
        ends = ((part.low, first), (part.high, last))
        kept = [bound for bound, position in ends if (position % 2 == 0) == is_in]
        self._bounds[first:last] = kept
