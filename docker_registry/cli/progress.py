"""How far a long command is, where there is a terminal."""

from typing import Self

from tqdm import tqdm


class Progress:
    """A count, with a bar on standard error if that is a terminal.

    :param unit: what is counted, in the plural.
    """

    def __init__(self, unit: str) -> None:
        self.count = 0
        self._bar = tqdm(unit=f" {unit}", disable=None)

    def add(self, number: int = 1) -> None:
        """Count more."""
        self.count += number
        self._bar.update(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
