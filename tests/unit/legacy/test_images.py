import json

import pytest

from docker_registry.legacy.errors import ImageDamaged, ImageUnfinished, ImageUnknown
from docker_registry.legacy.images import MAX_ANCESTRY, Images
from tests.unit.legacy.conftest import image_id, lay_down

A, B, C = map(image_id, (10, 11, 12))


def test_what_is_stored(driver):
    lay_down(driver, A, layer=b"bytes of a layer")
    images = Images(driver)
    assert images.is_complete(A)
    assert images.document(A) == {"id": A}
    assert images.layer_size(A) == 16
    with images.layer(A, 6, 2) as reader:
        assert b"".join(reader) == b"of"


def test_what_is_not_there(driver):
    images = Images(driver)
    assert not images.is_complete(A)
    assert images.checksums(A) == []
    for ask in (images.json, images.document, images.layer_size, images.layer, images.ancestry):
        with pytest.raises(ImageUnknown):
            ask(A)


def test_iterate_skips_what_is_no_image(driver):
    lay_down(driver, B)
    lay_down(driver, A)
    driver.put_content("images/lost+found/x", b"")
    assert list(Images(driver).iterate()) == [A, B]


def test_an_image_on_its_way(driver):
    lay_down(driver, A)
    driver.put_content(f"images/{A}/_inprogress", b"true")
    images = Images(driver)
    assert images.exists(A)
    assert not images.is_complete(A)
    with pytest.raises(ImageUnfinished, match="retry later"):
        images.check_not_in_progress(A)
    with pytest.raises(ImageUnknown):
        Images(driver, max_age=-1).check_not_in_progress(A)
    images.check_not_in_progress(B)


@pytest.mark.parametrize(
    ("stored", "checksums"),
    [
        (b'["sha256:ab", "tarsum+sha256:cd"]', ["sha256:ab", "tarsum+sha256:cd"]),
        (b"tarsum+sha256:cd", ["tarsum+sha256:cd"]),
        (b'"sha256:ab"', ["sha256:ab"]),
        (b"[1]", []),
    ],
)
def test_checksums_in_all_forms(driver, stored, checksums):
    driver.put_content(f"images/{A}/_checksum", stored)
    assert Images(driver).checksums(A) == checksums


def test_a_stored_ancestry_is_taken_as_it_is(driver):
    driver.put_content(f"images/{C}/ancestry", json.dumps([C, B, A]).encode())
    assert Images(driver).ancestry(C) == [C, B, A]


@pytest.mark.parametrize(
    "stored",
    [
        None,
        b"",
        b"{",
        b'["x"]',
        b'[["x"]]',
        json.dumps([B, A]).encode(),
        json.dumps([C, C]).encode(),
    ],
)
def test_an_ancestry_that_is_missing_or_wrong_is_read_from_the_parents(driver, stored):
    lay_down(driver, A)
    lay_down(driver, B, A)
    lay_down(driver, C, B)
    if stored is not None:
        driver.put_content(f"images/{C}/ancestry", stored)
    assert Images(driver).ancestry(C) == [C, B, A]


def test_images_built_on_themselves(driver):
    lay_down(driver, A, C)
    lay_down(driver, B, A)
    lay_down(driver, C, B)
    with pytest.raises(ImageDamaged, match="built on itself"):
        Images(driver).ancestry(C)


def test_a_missing_parent(driver):
    lay_down(driver, B, A)
    lay_down(driver, C, B)
    with pytest.raises(ImageDamaged, match=f"{A}, which is missing"):
        Images(driver).ancestry(C)


def test_endless_ancestries_end(driver):
    for number in range(MAX_ANCESTRY + 1):
        lay_down(driver, image_id(number), image_id(number + 1))
    with pytest.raises(ImageDamaged, match=f"more than {MAX_ANCESTRY}"):
        Images(driver).ancestry(image_id(0))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"[" * 100_000, b"\xff", b'{"id": 1' + b"9" * 5000 + b"}"]
)
def test_json_that_can_not_be_read(driver, content):
    driver.put_content(f"images/{A}/json", content)
    with pytest.raises(ImageDamaged):
        Images(driver).document(A)


@pytest.mark.parametrize("parent", ['"../../x"', "12", '["x"]', '{"a": 1}'])
def test_parents_that_can_not_be(driver, parent):
    driver.put_content(f"images/{A}/json", f'{{"id": "{A}", "parent": {parent}}}'.encode())
    with pytest.raises(ImageDamaged, match="no valid id"):
        Images(driver).ancestry(A)
