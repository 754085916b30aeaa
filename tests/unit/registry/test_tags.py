"""Finding the tags that point to a manifest, among many."""

from __future__ import annotations

import pytest

from docker_registry.drivers.memory import MemoryDriver
from docker_registry.registry import layout
from docker_registry.registry.names import Digest, RepositoryName, Tag
from docker_registry.registry.tag_history import may_point_to
from docker_registry.registry.tags import FEW_TAGS, Tags

NAME = RepositoryName("team/app")
OLD, NEW, OTHER = (Digest.of(text) for text in (b"old", b"new", b"other"))


class CountingDriver(MemoryDriver):
    """Counts what is read."""

    reads = 0

    def get_content(self, path: str) -> bytes:
        self.reads += 1
        return super().get_content(path)


class PlainDriver(CountingDriver):
    """Has a list that tells nothing."""

    def fingerprints(self, path: str) -> None:
        return None


class SealedDriver(CountingDriver):
    """Has a list in which nothing is like anything, as where each object is encrypted."""

    def fingerprints(self, path):
        found = super().fingerprints(path)
        return ((name, f"{number} {print_}") for number, (name, print_) in enumerate(found))


def fill(driver: MemoryDriver, number: int) -> Tags:
    """Put tags on an old manifest, move half of them to another, and some of these to a third."""
    tags = Tags(driver)
    for index in range(number):
        tag = Tag(f"v{index:04}")
        tags.put(NAME, tag, OLD)
        if index % 2:
            tags.put(NAME, tag, OTHER)
        if index % 50 == 1:
            tags.put(NAME, tag, NEW)
    return tags


@pytest.mark.parametrize("kind", [CountingDriver, PlainDriver, SealedDriver])
@pytest.mark.parametrize("number", [0, 1, FEW_TAGS - 1, FEW_TAGS, 300])
def test_the_tags_that_point_to_a_manifest_are_found(kind, number):
    tags = fill(kind(), number)
    assert list(tags.pointing_to(NAME, NEW)) == [f"v{i:04}" for i in range(1, number, 50)]
    assert list(tags.pointing_to(NAME, OLD)) == [f"v{i:04}" for i in range(0, number, 2)]
    assert list(tags.pointing_to(NAME, Digest.of(b"nobody"))) == []


def test_only_what_may_point_there_is_read():
    driver = CountingDriver()
    tags = fill(driver, 300)
    driver.reads = 0
    assert len(list(tags.pointing_to(NAME, NEW))) == 6
    assert driver.reads == 6


@pytest.mark.parametrize("lost", ["everything", "the last one", "all but the content"])
def test_a_history_with_gaps_hides_nothing(lost):
    driver = CountingDriver()
    tags = fill(driver, 300)
    tag = Tag("v0001")
    if lost == "everything":
        driver.delete(f"{layout.tag(NAME, tag)}/index")
    elif lost == "the last one":
        driver.delete(layout.tag_history_link(NAME, tag, NEW))
    else:
        driver.put_content(layout.tag_history_link(NAME, tag, NEW), b"")
    assert tag in list(tags.pointing_to(NAME, NEW))


def test_links_that_lost_their_content_hide_nothing():
    """Both are empty, as a crash leaves them where nothing is synced: it points nowhere."""
    driver = CountingDriver()
    tags = fill(driver, 300)
    driver.put_content(layout.tag_link(NAME, Tag("v0001")), b"")
    driver.put_content(layout.tag_history_link(NAME, Tag("v0001"), OTHER), b"")
    assert list(tags.pointing_to(NAME, NEW)) == [f"v{i:04}" for i in range(51, 300, 50)]


def test_what_is_no_tag_is_passed_over():
    objects = [
        ("-bad/current/link", "1"),
        ("file", "1"),
        ("only-history/index/sha256/abc/link", "1"),
        ("v1/current/link", "1"),
        ("v1/index/sha256/abc/link", "1"),
        ("v2/current/link", "1"),
        ("v2/index/sha256/abc/other", "1"),
    ]
    assert list(may_point_to(OLD, objects)) == ["-bad", "v2"]
    driver = MemoryDriver()
    fill(driver, 300)
    driver.put_content(f"{layout.tags(NAME)}/-bad/current/link", NEW.encode())
    assert "-bad" not in list(Tags(driver).pointing_to(NAME, NEW))
