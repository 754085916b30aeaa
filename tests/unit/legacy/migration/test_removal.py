from __future__ import annotations

import pytest

from docker_registry.errors import Unavailable
from docker_registry.legacy.images import Images
from docker_registry.legacy.migration.outcome import NotMigrated
from docker_registry.legacy.migration.removal import Removal
from docker_registry.legacy.migration.tags import Migration
from docker_registry.registry import Registry, layout
from docker_registry.registry.names import Digest
from tests.unit.legacy.migration.conftest import ignore, migrate_all, remove_all
from tests.unit.legacy.migration.test_tags import BASE, TOP, lay_down, pulled
from tests.v1_store import id_of


def test_all_of_v1_goes_and_the_images_stay(store, driver):
    store.image("base", layer=BASE)
    store.tag("library/x", "v1", store.image("top", "base", layer=TOP))
    store.tag("team/y", "_v1", id_of("base"))
    # Who is built on another goes first.
    assert remove_all(driver) == [id_of("top"), id_of("base")]
    assert driver.list("images") == []
    assert driver.list("repositories") == []
    assert pulled(driver, "x", "v1")[2] == [BASE, TOP]
    assert pulled(driver, "team/y", "_v1")[2] == [BASE]
    assert migrate_all(driver) == {}


def test_a_repository_with_a_tag_that_failed_stays_whole(store, driver):
    store.image("base", layer=BASE)
    store.tag("library/x", "v1", store.image("top", "base", layer=TOP))
    store.tag("library/x", "bad+tag", id_of("base"))
    with pytest.raises(NotMigrated, match="bad tag was not migrated"):
        remove_all(driver)
    assert len(driver.list("images")) == 2
    assert {"tag_v1", "tag_bad+tag"} <= set(driver.list("repositories/library/x"))


def remove_what_can_be(driver) -> list[str]:
    registry = Registry(driver)
    migration, removal = Migration(registry, ignore), Removal(registry, ignore)
    for repository in list(migration.repositories()):
        outcomes = [migration.migrate(source) for source in migration.tags(repository)]
        try:
            removal.remove_repository(repository, outcomes)
        except NotMigrated:
            continue
    return list(removal.remove_images())


def test_what_a_tag_that_failed_needs_stays(store, driver):
    store.image("base", layer=BASE)
    store.image("middle", "base", layer=TOP)
    store.tag("library/x", "v1", store.image("top", "middle", layer=TOP))
    store.tag("library/Upper", "v1", id_of("middle"))
    assert remove_what_can_be(driver) == [id_of("top")]
    assert sorted(driver.list("images")) == sorted([id_of("base"), id_of("middle")])


@pytest.mark.parametrize("without", [(), ("ancestry",)])
def test_what_a_damaged_image_needs_stays(store, driver, without):
    store.image("base", layer=BASE)
    store.tag("library/x", "v1", id_of("base"))
    store.image("lost", "base", layer=TOP)
    store.tag("library/broken", "v1", store.image("top", "lost", layer=b"bad", without=without))
    assert remove_what_can_be(driver) == []
    assert id_of("base") in driver.list("images")


def test_what_an_image_on_its_way_needs_stays(store, driver):
    """It was pushed, or is being pushed, and has no tag yet."""
    store.tag("library/x", "v1", store.image("base", layer=BASE))
    new = store.image("new", "base", layer=TOP)
    driver.put_content(f"images/{new}/_inprogress", b"true")
    assert remove_all(driver) == []
    driver.delete(f"images/{new}/_inprogress")
    assert remove_all(driver) == []
    store.tag("library/x", "v2", new)
    assert remove_all(driver) == [new, id_of("base")]


def test_a_tag_that_was_put_meanwhile_stays(store, driver):
    store.tag("library/x", "v1", store.image("base", layer=BASE))
    store.image("other", layer=TOP)
    registry = Registry(driver)
    migration, removal = Migration(registry, ignore), Removal(registry, ignore)
    (repository,) = migration.repositories()
    outcomes = [migration.migrate(source) for source in migration.tags(repository)]
    store.tag("library/x", "v1", id_of("other"))
    store.tag("library/x", "v2", id_of("base"))
    with pytest.raises(NotMigrated, match="meanwhile: v1, v2"):
        removal.remove_repository(repository, outcomes)
    assert {"tag_v1", "tag_v2"} <= set(driver.list("repositories/library/x"))
    assert list(removal.remove_images()) == []


@pytest.mark.parametrize("damage", ["gone", "other bytes", "config", "manifest"])
def test_nothing_goes_that_is_not_whole_elsewhere(store, driver, damage):
    store.tag("library/x", "v1", store.image("base", layer=BASE))
    registry = Registry(driver)
    migration, removal = Migration(registry, ignore), Removal(registry, ignore)
    (repository,) = migration.repositories()
    outcomes = [migration.migrate(source) for source in migration.tags(repository)]
    manifest = pulled(driver, "x", "v1")[0]
    if damage == "gone":
        driver.delete(layout.blob(Digest.of(BASE)))
    elif damage == "other bytes":
        driver.put_content(layout.blob(Digest.of(BASE)), TOP)
    elif damage == "config":
        driver.delete(layout.blob(manifest.config.digest))
    else:
        driver.delete(layout.manifests("x"))
    with pytest.raises(NotMigrated):
        removal.remove_repository(repository, outcomes)
    assert "tag_v1" in driver.list("repositories/library/x")


def test_a_removal_that_is_cut_off_anywhere_breaks_no_image_and_is_gone_on_with():
    cuts = 0
    while True:
        driver = lay_down()
        migrate_all(driver)
        driver.left = cuts
        try:
            remove_all(driver)
        except Unavailable:
            driver.left = 10**9
        else:
            break
        images = Images(driver)
        for image in images.iterate():
            # Who is there has a layer, and all it is built on.
            if images.exists(image):
                for one in images.ancestry(image):
                    assert images.layer_size(one) > 0
        assert pulled(driver, "x", "v1")[2][0] == BASE
        remove_all(driver)
        assert driver.list("images") == []
        assert driver.list("repositories") == []
        assert len(pulled(driver, "x", "v1")[2]) == 3
        cuts += 1
    assert cuts > 10
