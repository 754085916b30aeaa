import json

import pytest

from docker_registry.legacy import layout, listings
from docker_registry.legacy.errors import ImageDamaged, ImageUnknown, LayerUnreadable
from docker_registry.legacy.images import Images
from docker_registry.legacy.listings import Listings
from tests.unit.legacy.conftest import image_id, lay_down
from tests.unit.legacy.tars import member, tar

A, B = map(image_id, (10, 11))
LAYER = tar(*(member(f"./file {number}") for number in range(100)))


def files(driver, image):
    with Listings(driver, Images(driver)).files(image) as listing:
        return json.loads(b"".join(listing))


@pytest.mark.parametrize("piece", [1, 1000, listings.PIECE])
def test_files_are_listed_once(driver, monkeypatch, piece):
    monkeypatch.setattr(listings, "PIECE", piece)
    lay_down(driver, A, layer=LAYER)
    listed = files(driver, A)
    assert [entry[0] for entry in listed] == [f"/file {number}" for number in range(100)]
    driver.delete(f"images/{A}/layer")
    assert files(driver, A) == listed
    assert driver.list(layout.PUSHES) == []


def test_no_files(driver):
    lay_down(driver, A, layer=b"")
    lay_down(driver, B, layer=tar())
    assert files(driver, A) == files(driver, B) == []


def test_what_can_not_be_listed(driver):
    with pytest.raises(ImageUnknown):
        files(driver, A)
    lay_down(driver, A, layer=b"x" * 2000)
    with pytest.raises(LayerUnreadable):
        files(driver, A)
    assert driver.list("docker/registry/ours") == []


def test_lists_of_0_9_are_not_taken(driver):
    lay_down(driver, A, layer=tar(member("./etc/.wh.gone")))
    driver.put_content(f"images/{A}/_files", b'[["/etc/.wh.gone", "f", false, 0, 0, 0, 0, 0]]')
    assert files(driver, A)[0][:3] == ["/etc/gone", "f", True]


def test_diffs_of_what_is_missing_or_too_much(driver, monkeypatch):
    lay_down(driver, B, A, layer=LAYER)
    lists = Listings(driver, Images(driver))
    with pytest.raises(ImageDamaged, match="missing"):
        lists.diff(B)
    lay_down(driver, A, layer=LAYER)
    driver.delete(f"images/{A}/layer")
    with pytest.raises(ImageDamaged, match="whose layer is missing"):
        lists.diff(B)
    lay_down(driver, A, layer=LAYER)
    monkeypatch.setattr(listings, "COMPARED_BYTES", 100)
    with pytest.raises(LayerUnreadable, match="too many files"):
        lists.diff(B)
    monkeypatch.undo()
    assert len(json.loads(lists.diff(B))["changed"]) == 100
