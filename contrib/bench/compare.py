"""Measuring registries in turn, and printing how they compare."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.console import Console
from rich.table import Table

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Measure(Generic[Subject]):
    """Something that is measured, of which more is better.

    :ivar title: what, and in which unit.
    :ivar take: does it once and gives the figure.
    """

    title: str
    take: Callable[[Subject], float]


@dataclass(frozen=True)
class Figures:
    """What several rounds gave."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        """The one in the middle."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        return f"{self.median:.4g} ({min(self.values):.4g} to {max(self.values):.4g})"


def rounds(
    subjects: Mapping[str, Subject], measure: Measure[Subject], number: int
) -> dict[str, Figures]:
    """Measure each in turn, so that what else the machine does hits all of them."""
    found: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(number):
        for name, subject in subjects.items():
            found[name].append(measure.take(subject))
    return {name: Figures(values) for name, values in found.items()}


def ratios(found: Mapping[str, Figures]) -> str:
    """Compare the first with each other one: above 1 it is better."""
    first, *others = found.values()
    return ", ".join(f"{first.median / other.median:.2f}" for other in others)


def table(names: Sequence[str], title: str = "median (least to most)") -> Table:
    """Make a table of figures, a column for each registry, and the ratios."""
    return Table(title, *names, "ratio" if len(names) == 2 else "ratios")


def show(made: Table) -> None:
    """Print a table, whole also where that is wider than the terminal."""
    Console(width=max(Console().width, 120)).print(made)
