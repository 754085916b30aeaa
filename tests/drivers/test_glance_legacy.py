"""What docker-registry 0.9 kept in Glance is adopted in place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docker_registry.drivers import create
from docker_registry.drivers.alternate import Chain
from docker_registry.drivers.base import Stray
from docker_registry.drivers.glance import GlanceDriver
from docker_registry.drivers.glance.client import PATH, STAMP, STORE
from docker_registry.errors import PathNotFound, Unavailable
from tests.drivers.glance_legacy import LegacyGlance, project
from tests.drivers.swift_service import swift_settings
from tests.v1_store import V1Store, id_of

LAYER = b"the layer of the base"


@pytest.fixture(scope="module")
def project_name() -> Iterator[str]:
    with project() as name:
        yield name


@pytest.fixture
def chain(project_name: str, tmp_path: Path) -> Iterator[Chain]:
    settings = swift_settings(
        openstack_project_name=project_name,
        storage="glance",
        storage_alternate=["local"],
        storage_alternate_path=str(tmp_path),
    )
    chain = create(settings)
    assert isinstance(chain, Chain)
    yield chain
    images = GlanceDriver.from_settings(settings)._images
    for image in images.of_project():
        images.delete(image["id"])


@pytest.fixture
def legacy(chain: Chain) -> LegacyGlance:
    return LegacyGlance(glance_of(chain)._images.client)


@pytest.fixture
def store(legacy: LegacyGlance) -> V1Store:
    return V1Store(legacy)  # type: ignore[arg-type]


def glance_of(chain: Chain) -> GlanceDriver:
    driver = chain._members[0].driver
    assert isinstance(driver, GlanceDriver)
    return driver


def strays(chain: Chain) -> list[Stray]:
    return list(chain.strays(chain))


def obstacle(chain: Chain) -> str:
    [found] = strays(chain)
    return found.obstacle


def layer_of(chain: Chain, image: str) -> bytes:
    with chain.reader(f"images/{image}/layer") as reader:
        return b"".join(reader)


def test_images_are_adopted_where_they_are(
    chain: Chain, store: V1Store, legacy: LegacyGlance
) -> None:
    base = store.image("base", layer=LAYER)
    # Docker wrote what is not ASCII as it is.
    document = json.dumps(store.document("base", None, author="Ünicode ☃"), ensure_ascii=False)
    store.driver.put_content(f"images/{base}/json", document.encode())
    top = store.image("top", "base", layer=b"")
    before = {image: legacy.properties(image) for image in (base, top)}
    found = {stray.path: stray for stray in strays(chain)}
    assert set(found) == {f"images/{image}/layer" for image in (base, top)}
    assert legacy.properties(base) == before[base]
    assert chain.list("images") == []

    for stray in found.values():
        assert not stray.obstacle
        stray.adopt()
    assert strays(chain) == []
    assert chain.list("images") == sorted([base, top])
    assert (layer_of(chain, base), layer_of(chain, top)) == (LAYER, b"")
    with chain.reader(f"images/{base}/layer", 4, 5) as reader:
        assert b"".join(reader) == LAYER[4:9]
    for image in (base, top):
        assert found[f"images/{image}/layer"].where == f"Glance image {legacy.ids[image]}"
        for file in ("json", "ancestry", "_checksum"):
            path = f"images/{image}/{file}"
            assert chain.get_content(path) == legacy.get_content(path)
        after = legacy.properties(image)
        changed = {key for key in after if after[key] != before[image].get(key)}
        assert changed - {"updated_at"} == {STORE, PATH, STAMP, "tags"}
    assert json.loads(chain.get_content(f"images/{top}/ancestry")) == [top, base]
    chain.delete(f"images/{base}")
    assert legacy.ids[base] not in {image["id"] for image in glance_of(chain)._images.of_project()}


def test_more_images_than_a_page_of_the_listing(chain: Chain, legacy: LegacyGlance) -> None:
    made = {f"{number:064x}" for number in range(21)}
    for image in made:
        legacy.put_content(f"images/{image}/json", json.dumps({"id": image}).encode())
    assert {stray.path.split("/")[1] for stray in strays(chain)} == made


def in_progress(store: V1Store) -> str:
    store.driver.put_content(f"images/{store.image('base')}/_inprogress", b"true")
    return "never completed"


def cut_off(store: V1Store) -> str:
    image = store.image("base")
    document = store.driver.get_content(f"images/{image}/json")
    store.driver.put_content(f"images/{image}/json", document[:200])
    return "was cut off"


def without_json(store: V1Store) -> str:
    store.image("base", without=("json",))
    return "it is missing"


def with_a_wrong_id(store: V1Store) -> str:
    document = store.document("base", None, id="../../etc")
    store.driver.put_content(f"images/{store.image('base')}/json", json.dumps(document).encode())
    return "not the JSON of an image"


def no_object(store: V1Store) -> str:
    store.driver.put_content(f"images/{store.image('base')}/json", b'["id"]')
    return "not the JSON of an image"


def without_data(store: V1Store) -> str:
    store.image("base", without=("layer",))
    return "its status is 'queued'"


@pytest.mark.parametrize(
    "spoil", [in_progress, cut_off, without_json, with_a_wrong_id, no_object, without_data]
)
def test_what_is_not_whole_is_left_as_it_is(chain: Chain, store: V1Store, spoil: Any) -> None:
    assert spoil(store) in obstacle(chain)


def test_an_image_that_another_registry_adopted(
    chain: Chain, store: V1Store, project_name: str, tmp_path: Path
) -> None:
    store.image("base")
    settings = swift_settings(
        openstack_project_name=project_name,
        storage="glance",
        storage_path="/other",
        storage_alternate=["local"],
        storage_alternate_path=str(tmp_path / "other"),
    )
    other = create(settings)
    [stray] = other.strays(other)
    stray.adopt()
    assert "the storage_path 'other'" in obstacle(chain)


def test_what_nova_saved_and_what_we_pushed_is_nothing_of_0_9(
    chain: Chain, legacy: LegacyGlance
) -> None:
    legacy.write("", [b"docker save"], f"images/{id_of('nova')}/layer")
    chain.write("scratch", [b"a layer"], f"images/{id_of('ours')}/layer")
    assert strays(chain) == []


def test_what_there_is_already_is_not_replaced(chain: Chain, store: V1Store) -> None:
    image = store.image("base", layer=LAYER)
    chain.put_content(f"images/{image}/json", b"{}")
    assert f"images/{image}/json is there already" in obstacle(chain)
    chain.put_content(f"images/{image}/_inprogress", b"true")
    assert "pushing it anew" in obstacle(chain)
    chain.write("scratch", [b"another"], f"images/{image}/layer")
    assert "a layer at its path already" in obstacle(chain)
    assert layer_of(chain, image) == b"another"


def test_a_push_at_the_same_time_counts(chain: Chain, store: V1Store) -> None:
    image = store.image("base", layer=LAYER)
    [stray] = strays(chain)
    chain.put_content(f"images/{image}/json", b"pushed")
    chain.write("scratch", [b"pushed"], f"images/{image}/layer")
    stray.adopt()
    assert layer_of(chain, image) == b"pushed"
    assert chain.get_content(f"images/{image}/json") == b"pushed"
    assert strays(chain) == []


@pytest.mark.parametrize("whole", [0, 1])
def test_of_two_images_the_one_with_the_right_checksum_is_taken(
    chain: Chain, store: V1Store, legacy: LegacyGlance, whole: int
) -> None:
    image = store.image("base", layer=LAYER)
    checksum = legacy.get_content(f"images/{image}/_checksum").decode()
    legacy.client.images.delete(legacy.forget(image))
    ids = []
    for number in range(2):
        store.image("base", layer=LAYER if number == whole else b"broken")
        ids.append(legacy.forget(image))
        legacy.client.images.update(ids[-1], meta__checksum=checksum)
    found = {stray.where: stray for stray in strays(chain)}
    good, bad = f"Glance image {ids[whole]}", f"Glance image {ids[1 - whole]}"
    assert not found[good].obstacle
    assert found[bad].obstacle == f"{good} is preferred"
    found[good].adopt()
    assert layer_of(chain, image) == LAYER
    [left] = strays(chain)
    assert left == Stray(bad, f"images/{image}/layer", f"{good} is preferred", left.adopt)


class Crash(Exception):
    """The command is killed."""


class CrashingHome:
    """A chain that dies before a write."""

    def __init__(self, chain: Chain, writes: int) -> None:
        self.chain = chain
        self.writes = writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.chain, name)

    def put_content(self, path: str, data: bytes) -> None:
        self.count()
        self.chain.put_content(path, data)

    def count(self) -> None:
        if not self.writes:
            raise Crash
        self.writes -= 1


@pytest.mark.parametrize("writes", [0, 1, 2, 3])
def test_cut_off_anywhere_there_is_no_image_or_a_whole_one(
    chain: Chain, store: V1Store, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """Before one of: checksum, ancestry, labels, JSON."""
    image = store.image("base", layer=LAYER)
    home: Any = CrashingHome(chain, writes)
    images = glance_of(chain)._images
    update = images.update

    def counted(image_id: str, **changes: Any) -> None:
        home.count()
        update(image_id, **changes)

    with monkeypatch.context() as patched:
        patched.setattr(images, "update", counted)
        [stray] = chain.strays(home)
        with pytest.raises(Crash):
            stray.adopt()
    with pytest.raises(PathNotFound):
        chain.get_content(f"images/{image}/json")
    [again] = strays(chain)
    assert not again.obstacle
    again.adopt()
    assert layer_of(chain, image) == LAYER
    for file in ("json", "ancestry", "_checksum"):
        path = f"images/{image}/{file}"
        assert chain.get_content(path) == store.driver.get_content(path)
    assert strays(chain) == []
    # The daily sweep takes none.
    assert list(glance_of(chain)._images.unfinished()) == []


def test_glance_is_away(chain: Chain) -> None:
    images = glance_of(chain)._images
    images.store = replace(images.store, url="http://127.0.0.1:1")
    with pytest.raises(Unavailable):
        strays(chain)
