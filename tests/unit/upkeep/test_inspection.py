import json

import pytest

from docker_registry.drivers.local import LocalDriver
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.registry import Registry, layout
from docker_registry.registry.manifest import (
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Manifest,
)
from docker_registry.registry.names import Digest, RepositoryName, Tag, UploadId
from docker_registry.upkeep.inspection import Inspection

NAME, OTHER = RepositoryName("team/app"), RepositoryName("team/app/other")
TAG = Tag("v1")
LAYER, CONFIG = Digest.of(b"layer"), Digest.of(b"{}")
ELSEWHERE = Digest.of(b"elsewhere")


def manifest(**more):
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "c", "digest": CONFIG, "size": 2},
        "layers": [
            {"mediaType": "l", "digest": LAYER, "size": 5},
            {"mediaType": "l.nondistributable", "digest": ELSEWHERE, "size": 5},
        ],
        **more,
    }
    return document, json.dumps(document).encode()


IMAGE = Digest.of(manifest()[1])
LIST, LIST_CONTENT = manifest(
    mediaType=OCI_INDEX,
    config=None,
    layers=None,
    manifests=[{"mediaType": OCI_MANIFEST, "digest": IMAGE, "size": len(manifest()[1])}],
)
INDEX = Digest.of(LIST_CONTENT)


def fill(registry):
    """Store an image, an index of it that a tag points to, and the image in another repository."""
    for repository in (NAME, OTHER):
        for blob in (b"layer", b"{}"):
            registry.uploads.push(repository, Digest.of(blob), [blob])
        registry.manifests.put(repository, Manifest.parse(manifest()[1], IMAGE), [])
    registry.manifests.put(NAME, Manifest.parse(LIST_CONTENT, INDEX), [TAG])
    registry.uploads.append(registry.uploads.start(NAME), [b"on its way"])
    return registry


@pytest.fixture
def registry():
    return fill(Registry(MemoryDriver()))


def inspect(registry, **options):
    """Give the problems and the leftovers, by path."""
    inspection = Inspection(registry.driver, **options)
    found = list(inspection.run())
    problems = [finding for finding in found if not finding.is_leftover]
    leftovers = [finding for finding in found if finding.is_leftover]
    tally = inspection.tally
    assert (tally.problems, tally.leftovers) == (len(problems), len(leftovers))
    return (
        [(finding.path, finding.what) for finding in problems],
        [(finding.path, finding.what) for finding in leftovers],
    )


def problems(registry, **options):
    found, leftovers = inspect(registry, **options)
    assert leftovers == []
    return found


def test_what_is_whole(registry):
    inspection = Inspection(registry.driver, verify=True)
    looked = []
    assert list(inspection.run(looked.append)) == []
    tally = inspection.tally
    assert (tally.repositories, tally.tags, tally.manifests, tally.blobs) == (2, 1, 3, 4)
    assert tally.size == sum(map(len, (b"layer", b"{}", manifest()[1], LIST_CONTENT)))
    # Links of layers, links of manifests, a tag, a session, blobs.
    assert sum(looked) == 4 + 3 + 1 + 1 + 4


LINKS = {
    "layer": layout.layer_link(OTHER, LAYER),
    "manifest": layout.revision_link(OTHER, IMAGE),
    "tag": layout.tag_link(NAME, TAG),
}


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the link is empty"),
        (b"\xffsha256:", "the link holds no digest but b'\\xffsha256:'"),
    ],
)
def test_links_without_a_digest(registry, link, content, what):
    registry.driver.put_content(link, content)
    [first, *rest] = problems(registry)
    assert first[0] == link
    assert first[1].startswith(what)
    if link == LINKS["layer"]:
        assert rest == [
            (
                layout.revision_link(OTHER, IMAGE),
                f"the manifest can't be pulled whole: its layer {LAYER} is not in this repository",
            )
        ]
    else:
        assert rest == []


@pytest.mark.parametrize("digest", [LAYER, IMAGE])
def test_links_without_a_link(registry, digest):
    link_of = layout.layer_link if digest == LAYER else layout.revision_link
    link = link_of(OTHER, digest)
    registry.driver.delete(link)
    registry.driver.put_content(f"{link}.other", b"")
    assert problems(registry)[0][0] == link
    assert "there is no link" in problems(registry)[0][1]


def test_links_to_something_else(registry):
    for path in (LINKS["layer"], LINKS["manifest"]):
        registry.driver.put_content(path, CONFIG.encode())
    found = dict(problems(registry))
    for path in (LINKS["layer"], LINKS["manifest"]):
        assert f"the link holds another digest, {CONFIG}" in found[path]


def test_links_from_another_algorithm_are_distributions_way(registry):
    foreign = Digest.of(b"layer", "sha512")
    registry.driver.put_content(layout.layer_link(OTHER, foreign), LAYER.encode())
    assert problems(registry) == []


@pytest.mark.parametrize("empty", [False, True])
def test_a_blob_that_is_missing_or_empty(registry, empty):
    if empty:
        registry.driver.put_content(layout.blob(LAYER), b"")
    else:
        registry.driver.delete(layout.blob(LAYER))
    found = problems(registry)
    expected = [
        (layout.layer_link(NAME, LAYER), f"the link dangles: the blob {LAYER} is missing"),
        (layout.layer_link(OTHER, LAYER), f"the link dangles: the blob {LAYER} is missing"),
        *(
            (
                layout.revision_link(repository, IMAGE),
                f"the manifest can't be pulled whole: its layer {LAYER} is missing in the store",
            )
            for repository in (NAME, OTHER)
        ),
    ]
    if empty:
        path = layout.blob(LAYER)
        expected.append((path, "the blob is empty, as a crash leaves it, and counts as missing"))
    assert sorted(found) == sorted(expected)


def test_the_empty_blob_is_whole(registry):
    registry.uploads.push(NAME, Digest.of(b""), [])
    assert problems(registry, verify=True) == []


def test_a_manifest_that_is_missing(registry):
    registry.driver.delete(layout.blob(IMAGE))
    found = problems(registry)
    for repository in (NAME, OTHER):
        what = f"the link dangles: the content of the manifest {IMAGE} is missing"
        assert (layout.revision_link(repository, IMAGE), what) in found
    what = f"the manifest can't be pulled whole: its manifest {IMAGE} is missing in the store"
    assert (layout.revision_link(NAME, INDEX), what) in found
    assert len(found) == 3


def test_a_manifest_with_other_bytes(registry):
    registry.driver.put_content(layout.blob(INDEX), b"{}")
    [(path, what)] = problems(registry)
    assert path == layout.revision_link(NAME, INDEX)
    assert "other bytes than its digest says" in what


def test_a_link_to_a_manifest_that_is_much_too_long(registry, monkeypatch):
    monkeypatch.setattr("docker_registry.upkeep.inspection.manifests.MOST_BYTES", 10)
    assert {path for path, _ in problems(registry)} == {
        layout.revision_link(NAME, INDEX),
        layout.revision_link(NAME, IMAGE),
        layout.revision_link(OTHER, IMAGE),
    }


def test_a_manifest_that_nobody_serves(registry):
    content = b'{"schemaVersion": 1, "fsLayers": []}'
    digest = Digest.of(content)
    registry.driver.put_content(layout.blob(digest), content)
    registry.driver.put_content(layout.revision_link(NAME, digest), digest.encode())
    [(path, what)] = problems(registry)
    assert path == layout.revision_link(NAME, digest)
    assert "schema 1" in what


def test_an_index_whose_manifest_was_deleted(registry):
    registry.driver.delete(layout.revision_link(NAME, IMAGE))
    [(path, what)] = problems(registry)
    assert path == layout.revision_link(NAME, INDEX)
    assert what.endswith(f"its manifest {IMAGE} is not in this repository")
    assert problems(registry, sparse_indexes=True) == []


def test_sizes_that_manifests_don_t_say(registry):
    _, content = manifest(
        mediaType=DOCKER_MANIFEST, layers=[{"mediaType": "l", "digest": LAYER, "size": 50}]
    )
    digest = Digest.of(content)
    registry.manifests.put(NAME, Manifest.parse(content, digest), [])
    [(path, what)] = problems(registry)
    assert path == layout.revision_link(NAME, digest)
    assert what.endswith(f"its layer {LAYER} has 5 bytes and not 50")


def test_other_bytes_are_found_by_reading(registry):
    registry.driver.put_content(layout.blob(LAYER), b"other")
    assert problems(registry) == []
    [(path, what)] = problems(registry, verify=True)
    assert path == layout.blob(LAYER)
    assert f"those of {Digest.of(b'other')}" in what


def test_a_tag_without_its_manifest(registry):
    digest = Digest.of(b"never pushed")
    registry.driver.put_content(LINKS["tag"], digest.encode())
    assert problems(registry) == [
        (LINKS["tag"], f"the tag dangles: the manifest {digest} is not in this repository")
    ]


def test_a_tag_of_which_only_the_history_is_left(registry):
    registry.driver.delete(LINKS["tag"])
    [(path, what)] = problems(registry)
    assert path == LINKS["tag"]
    assert what == "there is no link: the tag is listed and points nowhere"


def test_names_outside_of_the_grammar(registry):
    link = layout.revision_link(NAME, IMAGE)
    for name in ("Team/app", "team/a..b", "team/" + "x" * 252):
        registry.driver.put_content(link.replace(f"/{NAME}/", f"/{name}/", 1), IMAGE.encode())
    registry.driver.put_content(f"{layout.tags(NAME)}/no tag/current/link", IMAGE.encode())
    registry.driver.put_content(f"{layout.layers(NAME)}/md5/abc/link", b"md5:abc")
    found = dict(problems(registry))
    assert "lower-case" in found[layout.repository("Team")]
    assert "lower-case" in found[layout.repository("team/a..b")]
    assert "257 characters" in found[layout.repository("team/" + "x" * 252)]
    assert "a tag is" in found[f"{layout.tags(NAME)}/no tag"]
    assert "md5:abc is no digest" in found[f"{layout.layers(NAME)}/md5/abc/link"]
    assert len(found) == 5


def test_leftovers(registry):
    upload = layout.upload(NAME, UploadId.new())
    registry.driver.put_content(f"{upload}/data", b"half")
    registry.driver.put_content(f"{upload}/startedat", b"2015-10-21T07:28:00Z")
    registry.driver.put_content(f"{upload}/hashstates/sha256/4", b"state")
    others = [
        f"{layout.uploads(NAME)}/stray",
        f"{layout.repository(NAME)}/_odd",
        layout.repository("file"),
        layout.repository("team/file"),
        f"{layout.BLOBS}/md5/ab/abc",
        f"{layout.BLOBS}/sha256/00/{LAYER.hex}",
    ]
    for path in others:
        registry.driver.put_content(path, b"")
    without_data = layout.blob(Digest.of(b"no data")).removesuffix("/data")
    registry.driver.put_content(f"{without_data}/other", b"")
    found, leftovers = inspect(registry)
    assert found == []
    whats = dict(leftovers)
    assert set(whats) == {upload, without_data, *others}
    assert "another registry began" in whats[upload]


def test_temporary_files(tmp_path):
    registry = fill(Registry(LocalDriver(tmp_path, fsync=False)))
    name = ".0d1c7a6e-5f0b-4bd8-9b58-6a4c9d1c3a60.tmp"
    history = layout.tag_history_link(NAME, TAG, INDEX)
    paths = {f"{path}{name}" for path in (*LINKS.values(), layout.blob(LAYER), history)}
    for path in paths:
        (tmp_path / path).write_bytes(b"x")
    found, leftovers = inspect(registry)
    assert found == []
    assert {path for path, what in leftovers if "registry:3" in what} == paths


def test_more_than_a_page(registry):
    for number in range(1100):
        registry.manifests.put(NAME, Manifest.parse(LIST_CONTENT, INDEX), [Tag(f"t{number}")])
    registry.driver.put_content(layout.tag_link(NAME, Tag("t1099")), b"")
    inspection = Inspection(registry.driver)
    [finding] = inspection.run()
    assert finding.path == layout.tag_link(NAME, Tag("t1099"))
    assert inspection.tally.tags == 1101
