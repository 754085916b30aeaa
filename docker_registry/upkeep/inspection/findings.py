"""What an inspection finds, and what it counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a store that is not as it should be.

    :ivar path: where, below the root of the store.
    :ivar what: what is wrong, and what it means.
    :ivar mend: what to do about it.
    :ivar is_leftover: whether it only takes room: nothing that clients ask for is broken by it.
    """

    path: str
    what: str
    mend: str
    is_leftover: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.what}; {self.mend}"


#: Looks at one thing, and gives what is wrong with it.
Look = Callable[[], Iterable[Finding]]


@dataclass
class Tally:
    """What there is in a store.

    :ivar size: of all blobs, in bytes.
    """

    repositories: int = 0
    tags: int = 0
    manifests: int = 0
    blobs: int = 0
    size: int = 0
    problems: int = 0
    leftovers: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, finding: Finding) -> None:
        """Count a finding."""
        if finding.is_leftover:
            self.leftovers += 1
        else:
            self.problems += 1

    def add_blob(self, size: int) -> None:
        """Count a blob of ``size`` bytes. Safe for many threads."""
        with self._lock:
            self.blobs += 1
            self.size += size
