"""Names in order, from keys in order."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from docker_registry.drivers.flat import children

NAMES = st.from_regex(r"[a-b0_A][a-b.0-]{0,4}", fullmatch=True)


class Listing:
    """A directory of a store that lists keys."""

    def __init__(self, directories: set[str], objects: set[str], page: int) -> None:
        self.directories = directories
        self.entries = sorted({f"{name}/" for name in directories} | objects)
        self.page = page
        self.asked = 0

    def pages(self, after: str) -> Iterator[list[str]]:
        behind = [entry for entry in self.entries if entry > after]
        yield []
        for start in range(0, len(behind), self.page):
            yield behind[start : start + self.page]

    def holds(self, name: str) -> bool:
        self.asked += 1
        return name in self.directories


@given(
    names=st.dictionaries(NAMES, st.booleans(), max_size=30),
    after=st.just("") | NAMES,
    limit=st.integers(1, 6),
    page=st.integers(1, 6),
)
def test_pages_are_slices_of_the_sorted_names(
    names: dict[str, bool], after: str, limit: int, page: int
) -> None:
    directories = {name for name, is_directory in names.items() if is_directory}
    listing = Listing(directories, set(names) - directories, page)
    expected = [name for name in sorted(names) if name > after]
    assert children(listing.pages(after), listing.holds, after, limit) == expected[:limit]


def test_few_questions_are_asked_of_a_long_directory() -> None:
    listing = Listing({f"v1.0.{n:04}-rc1" for n in range(5000)} | {"v1"}, set(), 1000)
    names = children(listing.pages(""), listing.holds, "", 1000)
    assert names[:2] == ["v1", "v1.0.0000-rc1"]
    assert listing.asked == 3
