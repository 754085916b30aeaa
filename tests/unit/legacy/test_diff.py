from __future__ import annotations

import pytest

from docker_registry.legacy.diff import diff


def entry(name: str, deleted: bool = False, size: int = 1) -> list:
    """Give an entry as it comes out of a cache of 0.9: a JSON array."""
    return [name, "f", deleted, size, 0, 0o644, 0, 0]


def summary(files, *ancestors) -> dict[str, list[str]]:
    return {change: sorted(names) for change, names in diff(files, ancestors).items()}


def test_without_ancestors_all_is_created():
    assert summary([entry("/a"), entry("/b")]) == {
        "deleted": [],
        "changed": [],
        "created": ["/a", "/b"],
    }


def test_deleted_changed_created():
    files = [entry("/gone", deleted=True), entry("/old", size=2), entry("/new")]
    parent = [entry("/gone"), entry("/other")]
    grandparent = [entry("/old"), entry("/new-not")]
    found = diff(files, [parent, grandparent])
    assert found == {
        "deleted": {"/gone": ("f", True, 1, 0, 0o644, 0, 0)},
        "changed": {"/old": ("f", False, 2, 0, 0o644, 0, 0)},
        "created": {"/new": ("f", False, 1, 0, 0o644, 0, 0)},
    }


def test_a_whiteout_of_the_first_layer_is_deleted_all_the_same():
    assert summary([entry("/x", deleted=True)])["deleted"] == ["/x"]


def test_what_was_deleted_in_between_is_created_again():
    assert summary([entry("/a")], [entry("/a", deleted=True)], [entry("/a")])["created"] == ["/a"]
    below = summary([entry("/d/e/a")], [entry("/d", deleted=True)], [entry("/d/e/a")])
    assert below["created"] == ["/d/e/a"]


def test_a_directory_that_is_replaced_in_between():
    parent = [entry("/d", deleted=True), entry("/d"), entry("/d/a")]
    assert summary([entry("/d"), entry("/d/a")], parent)["changed"] == ["/d", "/d/a"]


def test_a_file_beside_its_whiteout_is_there():
    for files in ([entry("/a", True), entry("/a")], [entry("/a"), entry("/a", True)]):
        assert summary(files, [entry("/a")]) == {"deleted": [], "changed": ["/a"], "created": []}


def test_no_more_ancestors_are_read_than_needed():
    def ancestors():
        yield [entry("/a")]
        pytest.fail("read on although all files were found")

    assert list(diff([entry("/a")], ancestors())["changed"]) == ["/a"]
