from __future__ import annotations

import gzip
import hashlib
import json

import pytest

from docker_registry.drivers.base import Driver
from docker_registry.drivers.local import LocalDriver
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import ManifestUnknown, Unavailable
from docker_registry.legacy.migration.outcome import Result
from docker_registry.legacy.migration.tags import Migration
from docker_registry.registry import Registry, layout
from docker_registry.registry.manifest import DOCKER_MANIFEST, Manifest
from docker_registry.registry.names import Digest, RepositoryName, Tag
from tests.unit.legacy.migration.conftest import ignore, migrate_all
from tests.unit.legacy.tars import COMPRESS, member, tar
from tests.v1_store import V1Store, id_of

BASE = tar((member("a"), b"base"), (member("gone"), b"x"))
TOP = tar(member(".wh.gone"), (member("b"), b"top"))
EMPTY = bytes(1024)


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tree(driver: Driver, path: str = "") -> dict[str, bytes]:
    """Give all that is stored below a path."""
    found = {}
    for name in driver.iterate(path):
        below = f"{path}/{name}" if path else name
        try:
            found[below] = driver.get_content(below)
        except Exception:
            found.update(tree(driver, below))
    return found


def pulled(driver: Driver, repository: str, tag: str) -> tuple[Manifest, dict, list[bytes]]:
    """Give manifest, config and layers as a client sees them."""
    registry, name = Registry(driver), RepositoryName.parse(repository)
    manifest = registry.manifests.get(name, Tag.parse(tag))
    blobs = []
    for blob in (manifest.config, *manifest.layers):
        with registry.blobs.find(name, blob.digest).open() as reader:
            blobs.append(b"".join(reader))
        assert (sha256(blobs[-1]), len(blobs[-1])) == (blob.digest, blob.size)
    return manifest, json.loads(blobs[0]), blobs[1:]


def results(driver: Driver, **options) -> dict[str, Result]:
    return {name: outcome.result for name, outcome in migrate_all(driver, **options).items()}


def test_a_chain_becomes_an_image(store, driver):
    store.image("base", layer=BASE)
    store.image("empty", "base", layer=EMPTY, comment="said")
    store.image("none", "empty", layer=b"")
    top = store.image("top", "none", layer=gzip.compress(TOP, mtime=0), config={"Cmd": ["/b"]})
    store.tag("library/ubuntu", "14.04", top)
    before = tree(driver)

    (outcome,) = migrate_all(driver).values()

    assert outcome.result is Result.MIGRATED
    assert str(outcome) == "library/ubuntu:14.04 -> ubuntu:14.04: migrated"
    manifest, config, layers = pulled(driver, "ubuntu", "14.04")
    assert manifest.digest == outcome.digest
    assert manifest.media_type == DOCKER_MANIFEST
    assert [layer.media_type.rpartition(".")[2] for layer in manifest.layers] == ["tar", "gzip"]
    assert layers == [BASE, gzip.compress(TOP, mtime=0)]
    history = {"created": "2014-06-04T12:00:00.123456789Z", "author": "A. U. Thor"}
    assert config == {
        "architecture": "amd64",
        "os": "linux",
        "created": "2014-06-04T12:00:00.123456789Z",
        "author": "A. U. Thor",
        "container": id_of("container of top"),
        "docker_version": "1.0.0",
        "config": {"Cmd": ["/b"]},
        "container_config": store.document("top", None)["container_config"],
        "history": [
            {**history, "created_by": "/bin/sh -c #(nop) base"},
            {
                **history,
                "created_by": "/bin/sh -c #(nop) empty",
                "comment": "said",
                "empty_layer": True,
            },
            {**history, "created_by": "/bin/sh -c #(nop) none", "empty_layer": True},
            {**history, "created_by": "/bin/sh -c #(nop) top"},
        ],
        "rootfs": {"type": "layers", "diff_ids": [sha256(BASE), sha256(TOP)]},
    }
    # What V1 has is as it was.
    assert before.items() <= tree(driver).items()


def test_a_layer_becomes_a_blob_without_being_copied(tmp_path):
    driver = LocalDriver(tmp_path)
    store = V1Store(driver)
    image = store.image("base", layer=BASE)
    store.tag("library/x", "latest", image)
    migrate_all(driver)
    blob = tmp_path / layout.blob(Digest.of(BASE))
    assert blob.stat().st_ino == (tmp_path / f"images/{image}/layer").stat().st_ino


@pytest.mark.parametrize("name", ["bzip2", "xz", "zstd"])
def test_what_clients_do_not_take_is_compressed_anew(store, driver, name):
    store.tag("library/x", "v1", store.image("base", layer=COMPRESS[name](BASE)))
    (outcome,) = migrate_all(driver).values()
    assert outcome.why.endswith(f"1 of {name}")
    _, config, (layer,) = pulled(driver, "x", "v1")
    assert gzip.decompress(layer) == BASE
    assert config["rootfs"]["diff_ids"] == [sha256(BASE)]
    uploads = f"{layout.REPOSITORIES}/x/_uploads"
    assert driver.list(uploads) == []
    assert results(driver) == {"library/x:v1": Result.THERE}
    # It can't be copied again from V1: so it has to be made again.
    driver.delete(layout.blob(Digest.of(layer)))
    migrate_all(driver)
    assert pulled(driver, "x", "v1")[2] == [layer]


def test_an_image_of_nothing(store, driver):
    store.tag("library/x", "v1", store.image("base", layer=b""))
    assert results(driver) == {"library/x:v1": Result.MIGRATED}
    _, config, layers = pulled(driver, "x", "v1")
    assert (layers, config["rootfs"]["diff_ids"]) == ([], [])


def test_a_second_run_changes_nothing(store, driver):
    store.image("base", layer=BASE)
    store.tag("team/app", "v1", store.image("top", "base", layer=TOP))
    assert results(driver) == {"team/app:v1": Result.MIGRATED}
    before = tree(driver)
    calls = []
    registry = Registry(driver)
    registry.events.tag_pushed.connect(lambda _, **what: calls.append(what), weak=False)
    migration = Migration(registry, calls.append)
    for repository in migration.repositories():
        for source in migration.tags(repository):
            assert migration.migrate(source).result is Result.THERE
    assert calls == []
    assert tree(driver) == before


def test_shared_parents_are_read_once(store, driver):
    store.image("base", layer=BASE)
    store.image("other", layer=tar(member("other")))
    store.tag("team/one", "v1", store.image("one", "base", layer=TOP))
    store.tag("team/two", "v1", store.image("two", "base", layer=gzip.compress(TOP, mtime=0)))
    read = []
    migration = Migration(Registry(driver), read.append)
    for repository in migration.repositories():
        for source in migration.tags(repository):
            assert migration.migrate(source).result is Result.MIGRATED
    assert sum(read) == len(BASE) + len(TOP) + len(gzip.compress(TOP, mtime=0))
    for repository in ("team/one", "team/two"):
        assert pulled(driver, repository, "v1")[2][0] == BASE


def test_the_search_index_hears_of_it(store, driver):
    store.tag("library/x", "v1", store.image("base", layer=BASE))
    registry, heard = Registry(driver), []
    registry.events.tag_pushed.connect(lambda _, **what: heard.append(what["tag"]), weak=False)
    migration = Migration(registry, ignore)
    for repository in migration.repositories():
        for source in migration.tags(repository):
            migration.migrate(source)
    assert heard == ["v1"]


# Names


@pytest.mark.parametrize(
    ("directory", "tag", "target"),
    [
        ("library/ubuntu", "latest", "ubuntu:latest"),
        ("team/app", "v1.0_x-y", "team/app:v1.0_x-y"),
        ("a/b%252Fc", "latest", "a/b/c:latest"),
        ("a/b%2Fc", "latest", "a/b/c:latest"),
        ("library/a%252Fb", "latest", "library/a/b:latest"),
        ("team/app", "_x", "team/app:_x"),
        (f"team/{'a' * 250}", "latest", f"team/{'a' * 250}:latest"),
    ],
)
def test_names(store, driver, directory, tag, target):
    store.tag(directory, tag, store.image("base", layer=BASE))
    outcome = next(
        outcome for outcome in migrate_all(driver).values() if outcome.source.tag.name == tag
    )
    assert (outcome.result, str(outcome.target)) == (Result.MIGRATED, target)
    pulled(driver, *target.split(":"))


@pytest.mark.parametrize(
    ("directory", "tag", "why"),
    [
        ("team/Upper", "latest", "lower-case"),
        ("team/with%2Bspace", "latest", "lower-case"),
        ("team/a%252F..%252Fb", "latest", "lower-case"),
        ("team/app", "a+b", "a tag is"),
        ("team/app", "%2E%2E%2Fx", "a tag is"),
        ("team/" + "a" * 252, "latest", "at most 255"),
    ],
)
def test_names_that_can_not_be(store, driver, directory, tag, why):
    store.tag(directory, tag, store.image("base", layer=BASE))
    (outcome,) = migrate_all(driver).values()
    assert outcome.result is Result.FAILED
    assert why in outcome.why
    assert driver.list("docker") == []


def test_phantom_tags_are_none(store, driver):
    store.tag("team/app", "_x", store.image("base", layer=BASE))
    # 0.9 itself kept what it knew of the push of ``_x`` there.
    driver.put_content("repositories/team/app/tag_x_json", b'{"os": "linux"}')
    assert list(migrate_all(driver)) == ["team/app:_x"]


def test_only_some_repositories(store, driver):
    image = store.image("base", layer=BASE)
    for directory in ("library/x", "library/y", "team/x"):
        store.tag(directory, "v1", image)
    assert list(migrate_all(driver, "x", "team/x")) == ["library/x:v1", "team/x:v1"]
    assert list(migrate_all(driver, "library/y")) == ["library/y:v1"]


def test_two_repositories_of_one_name_do_not_fight(store, driver):
    """Versions before 0.8.1 quoted names in another way than later ones."""
    store.tag("a/b%252Fc", "v1", store.image("one", layer=BASE))
    store.tag("a/b%2Fc", "v1", store.image("two", layer=TOP))
    for expected in (Result.MIGRATED, Result.THERE):
        migration = Migration(Registry(driver), ignore)
        first, second = (
            migration.migrate(source)
            for repository in migration.repositories()
            for source in migration.tags(repository)
        )
        assert first.result is expected
        assert second.result is Result.FAILED
        assert "exists already" in second.why
        assert pulled(driver, "a/b/c", "v1")[2] == [BASE]


# What is not whole


def failure(driver: Driver) -> str:
    (outcome,) = migrate_all(driver).values()
    assert outcome.result is Result.FAILED
    assert driver.list(layout.REPOSITORIES) == []
    return outcome.why


def test_missing_ancestry_and_checksums(store, driver):
    store.image("base", layer=BASE, without=("ancestry", "_checksum"))
    top = store.image("top", "base", layer=TOP, without=("ancestry", "_checksum"))
    store.tag("library/x", "v1", top)
    assert results(driver) == {"library/x:v1": Result.MIGRATED}
    assert pulled(driver, "x", "v1")[2] == [BASE, TOP]


@pytest.mark.parametrize("form", ["text", "json text", "tarsum", "both"])
def test_old_checksums(store, driver, form):
    image = store.image("base", layer=BASE)
    path = f"images/{image}/_checksum"
    (right,) = json.loads(driver.get_content(path))
    old = f"tarsum+sha256:{'0' * 64}"
    content = {
        "text": right,
        "json text": json.dumps(right),
        "tarsum": old,
        "both": json.dumps([old, right]),
    }[form]
    driver.put_content(path, content.encode())
    store.tag("library/x", "v1", image)
    assert results(driver) == {"library/x:v1": Result.MIGRATED}


def test_a_checksum_that_does_not_fit(store, driver):
    image = store.image("base", layer=BASE)
    driver.put_content(f"images/{image}/layer", BASE + bytes(512))
    store.tag("library/x", "v1", image)
    assert f"images/{image}/_checksum" in failure(driver)


@pytest.mark.parametrize("name", ["base", "top"])
def test_a_push_that_was_never_completed(store, driver, name):
    store.image("base", layer=BASE)
    store.tag("library/x", "v1", store.image("top", "base", layer=TOP))
    driver.put_content(f"images/{id_of(name)}/_inprogress", b"true")
    assert failure(driver) == f"the push of the image {id_of(name)} was never completed"


@pytest.mark.parametrize("layer", [b"no archive", BASE[:700], gzip.compress(BASE, mtime=0)[:-5]])
def test_a_layer_that_is_no_whole_archive(store, driver, layer):
    store.tag("library/x", "v1", store.image("base", layer=layer))
    why = failure(driver)
    assert id_of("base") in why
    assert "Layer format not supported" in why


@pytest.mark.parametrize("missing", ["layer", "json", ""])
def test_what_is_missing(store, driver, missing):
    store.image("base", layer=BASE)
    store.tag("library/x", "v1", store.image("top", "base", layer=TOP))
    driver.delete(f"images/{id_of('base')}" + (f"/{missing}" if missing else ""))
    assert id_of("base") in failure(driver)


def test_a_tag_of_no_image(store, driver):
    store.tag("library/x", "v1", id_of("nothing"))
    assert failure(driver) == f"the image {id_of('nothing')} is missing"


def test_an_image_that_is_built_on_itself(store, driver):
    store.image("one", "two", layer=BASE, without=("ancestry",))
    store.tag("library/x", "v1", store.image("two", "one", layer=TOP, without=("ancestry",)))
    assert "built on itself" in failure(driver)


def test_json_that_is_none(store, driver):
    image = store.image("base", layer=BASE)
    driver.put_content(f"images/{image}/json", b"[")
    store.tag("library/x", "v1", image)
    assert "can't be read" in failure(driver)


def test_facts_of_the_wrong_kind_are_left_out(store, driver):
    image = store.image(
        "base",
        layer=BASE,
        created="yesterday",
        author=7,
        architecture=None,
        os="",
        config=None,
        container_config="x",
        docker_version=["1"],
        comment={},
    )
    store.tag("library/x", "v1", image)
    assert results(driver) == {"library/x:v1": Result.MIGRATED}
    _, config, _ = pulled(driver, "x", "v1")
    assert config == {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "container": id_of("container of base"),
        "history": [{}],
        "rootfs": {"type": "layers", "diff_ids": [sha256(BASE)]},
    }


def test_numbers_that_no_json_has(store, driver):
    image = store.image("base", layer=BASE, config={"x": float("nan")})
    store.tag("library/x", "v1", image)
    assert "can't be written again" in failure(driver)


# Tags that are there already


def push_other(driver: Driver, repository: str, tag: str) -> Digest:
    content = b'{"schemaVersion": 2, "manifests": []}'
    manifest = Manifest.parse(content, Digest.of(content))
    Registry(driver).manifests.put(RepositoryName(repository), manifest, [Tag(tag)])
    return manifest.digest


def test_what_was_pushed_since_is_left_alone(store, driver):
    store.tag("library/x", "v1", store.image("base", layer=BASE))
    pushed = push_other(driver, "x", "v1")
    for dry_run in (True, False):
        (outcome,) = migrate_all(driver, dry_run=dry_run).values()
        assert outcome.result is Result.FAILED
        assert pushed in outcome.why
    assert Registry(driver).tags.get(RepositoryName("x"), Tag("v1")) == pushed


def test_what_was_pushed_after_the_migration_is_left_alone(store, driver):
    store.tag("library/x", "v1", store.image("base", layer=BASE))
    migrate_all(driver)
    pushed = push_other(driver, "x", "v1")
    assert results(driver) == {"library/x:v1": Result.FAILED}
    assert Registry(driver).tags.get(RepositoryName("x"), Tag("v1")) == pushed


def test_a_tag_of_v1_that_moved_on_is_followed(store, driver):
    store.tag("library/x", "v1", store.image("base", layer=BASE))
    migrate_all(driver)
    store.tag("library/x", "v1", store.image("top", layer=TOP))
    assert results(driver, dry_run=True) == {"library/x:v1": Result.TO_MIGRATE}
    assert results(driver) == {"library/x:v1": Result.MIGRATED}
    assert pulled(driver, "x", "v1")[2] == [TOP]
    store.tag("library/x", "v1", id_of("base"))
    assert results(driver) == {"library/x:v1": Result.MIGRATED}
    assert pulled(driver, "x", "v1")[2] == [BASE]


def test_an_image_that_was_pushed_again_is_read_again(store, driver):
    store.tag("library/x", "v1", store.image("base", layer=BASE))
    migrate_all(driver)
    driver.delete(f"images/{id_of('base')}")
    store.image("base", layer=TOP)
    assert results(driver) == {"library/x:v1": Result.MIGRATED}
    assert pulled(driver, "x", "v1")[2] == [TOP]


def test_what_went_missing_is_made_again(store, driver):
    store.image("base", layer=BASE)
    store.tag("library/x", "v1", store.image("top", "base", layer=TOP))
    migrate_all(driver)
    name = RepositoryName("x")
    manifest, _, _ = pulled(driver, "x", "v1")
    for lost in (
        layout.blob(Digest.of(BASE)),
        layout.layer_link(name, Digest.of(TOP)),
        layout.blob(manifest.config.digest),
        layout.revision_link(name, manifest.digest),
        layout.tag_link(name, Tag("v1")),
    ):
        driver.delete(lost)
        assert results(driver) == {"library/x:v1": Result.MIGRATED}, lost
        assert pulled(driver, "x", "v1")[2] == [BASE, TOP]


def test_a_blob_that_a_crash_cut_is_copied_again(store, driver):
    store.tag("library/x", "v1", store.image("base", layer=BASE))
    driver.put_content(layout.blob(Digest.of(BASE)), b"")
    migrate_all(driver)
    assert pulled(driver, "x", "v1")[2] == [BASE]


# Foreseeing


def test_a_dry_run_changes_nothing(store, driver):
    store.image("base", layer=BASE)
    store.tag("library/x", "v1", store.image("top", "base", layer=TOP))
    store.tag("library/Y", "v1", id_of("top"))
    store.tag("library/z", "v1", id_of("nothing"))
    before = tree(driver)
    found = migrate_all(driver, dry_run=True)
    assert str(found["library/x:v1"]) == (
        "library/x:v1 -> x:v1: would be migrated (2 layers, 2 of them to be read)"
    )
    assert [found[f"library/{name}:v1"].result for name in "Yz"] == [Result.FAILED] * 2
    assert tree(driver) == before
    migrate_all(driver)
    assert results(driver, dry_run=True)["library/x:v1"] is Result.THERE


def test_a_dry_run_finds_missing_layers(store, driver):
    image = store.image("base", layer=BASE, without=("layer",))
    store.tag("library/x", "v1", image)
    (outcome,) = migrate_all(driver, dry_run=True).values()
    assert outcome.why == f"the image {image} has no layer"


# Crashes


class Dying(MemoryDriver):
    """Fails for good at the n-th change."""

    left = 10**9

    def _change(self) -> None:
        if self.left == 0:
            raise Unavailable("killed")
        self.left -= 1

    def put_content(self, path, data):
        self._change()
        super().put_content(path, data)

    def delete(self, path):
        self._change()
        super().delete(path)


def lay_down() -> Dying:
    driver = Dying()
    store = V1Store(driver)
    store.image("base", layer=BASE)
    store.image("packed", "base", layer=COMPRESS["xz"](TOP))
    store.tag("library/x", "v1", store.image("top", "packed", layer=TOP))
    return driver


def test_a_run_that_is_cut_off_anywhere_leaves_nothing_half_and_is_gone_on_with():
    whole = lay_down()
    migrate_all(whole)
    wanted = pulled(whole, "x", "v1")[0]
    cuts = 0
    while True:
        driver = lay_down()
        driver.left = cuts
        try:
            migrate_all(driver)
        except Unavailable:
            driver.left = 10**9
        else:
            break
        try:
            pulled(driver, "x", "v1")
        except ManifestUnknown:
            assert results(driver) == {"library/x:v1": Result.MIGRATED}
        else:
            assert results(driver) == {"library/x:v1": Result.THERE}
        assert pulled(driver, "x", "v1")[0] == wanted
        cuts += 1
    assert cuts > 10
