import json
import time

import pytest

from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import ManifestUnknown
from docker_registry.registry import Registry, layout
from docker_registry.registry.blobs import TOUCH_AFTER
from docker_registry.registry.manifest import OCI_INDEX, Manifest
from docker_registry.registry.names import Digest, RepositoryName, Tag

NAME = RepositoryName("team/app")
V1, V2 = Tag("v1"), Tag("v2")


def index(note: str = "") -> Manifest:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [],
        "annotations": {"note": note},
    }
    content = json.dumps(document).encode()
    return Manifest.parse(content, Digest.of(content))


def heard(registry: Registry) -> list[tuple]:
    events = []
    listeners = []
    for name in (
        "manifest_pushed",
        "manifest_deleted",
        "tag_pushed",
        "tag_deleted",
        "repository_deleted",
    ):

        def listen(_sender, name=name, **what):
            manifest = what.get("manifest")
            events.append((name, what.get("tag"), manifest.digest if manifest else None))

        listeners.append(listen)
        getattr(registry.events, name).connect(listen, weak=False)
    return events


def test_events(registry):
    events = heard(registry)
    manifest = index()
    registry.manifests.put(NAME, manifest, [V1, V2])
    assert events == [
        ("manifest_pushed", None, manifest.digest),
        ("tag_pushed", V1, manifest.digest),
        ("tag_pushed", V2, manifest.digest),
    ]
    events.clear()
    registry.manifests.delete_tag(NAME, V1)
    registry.manifests.delete(NAME, manifest.digest)
    assert events == [
        ("tag_deleted", V1, None),
        ("tag_deleted", V2, None),
        ("manifest_deleted", None, None),
    ]
    registry.manifests.put(NAME, manifest, [])
    events.clear()
    registry.repositories.delete(NAME)
    assert events == [("repository_deleted", None, None)]


def test_a_listener_that_fails_changes_nothing(registry, caplog):
    def fail(_sender, **_what):
        raise RuntimeError("no")

    registry.events.manifest_pushed.connect(fail)
    manifest = index()
    registry.manifests.put(NAME, manifest, [V1])
    assert registry.manifests.get(NAME, V1) == manifest
    assert "a listener of manifest-pushed failed" in caplog.text


def test_a_tag_put_while_its_manifest_is_deleted_does_not_dangle():
    """The delete comes between the tag's link and the end of the push."""

    class Interfering(MemoryDriver):
        interfere = None

        def put_content(self, path, data):
            super().put_content(path, data)
            if self.interfere and path == layout.tag_link(NAME, V1):
                action, self.interfere = self.interfere, None
                action()

    driver = Interfering()
    registry = Registry(driver)
    manifest = index()
    registry.manifests.put(NAME, manifest, [])
    link = layout.revision_link(NAME, manifest.digest)
    driver.interfere = lambda: driver.delete(link)
    registry.manifests.put(NAME, manifest, [V1])
    assert registry.manifests.get(NAME, V1) == manifest


def test_a_tag_put_behind_the_first_look_of_a_delete_goes_too():
    class Interfering(MemoryDriver):
        interfere = None

        def delete(self, path):
            if self.interfere and path == layout.revision_link(NAME, manifest.digest):
                action, self.interfere = self.interfere, None
                action()
            super().delete(path)

    manifest = index()
    driver = Interfering()
    registry = Registry(driver)
    registry.manifests.put(NAME, manifest, [])
    driver.interfere = lambda: registry.manifests.put(NAME, manifest, [V1])
    registry.manifests.delete(NAME, manifest.digest)
    assert registry.tags.list(NAME) == []


def test_another_process_deletes_what_is_cached(registry):
    manifest = index()
    registry.manifests.put(NAME, manifest, [V1])
    assert registry.manifests.get(NAME, manifest.digest) == manifest
    Registry(registry.driver).manifests.delete(NAME, manifest.digest)
    for reference in (V1, manifest.digest):
        with pytest.raises(ManifestUnknown):
            registry.manifests.get(NAME, reference)


def test_bytes_that_are_not_the_digest_are_never_given(registry, caplog):
    manifest = index()
    registry.manifests.put(NAME, manifest, [V1])
    registry.driver.put_content(layout.blob(manifest.digest), index("other").content)
    with pytest.raises(ManifestUnknown):
        Registry(registry.driver).manifests.get(NAME, V1)
    assert manifest.digest in caplog.text


@pytest.mark.parametrize("content", [b"", b"broken"])
def test_a_broken_link_is_absent(registry, content):
    manifest = index()
    registry.manifests.put(NAME, manifest, [V1])
    registry.driver.put_content(layout.revision_link(NAME, manifest.digest), content)
    with pytest.raises(ManifestUnknown):
        Registry(registry.driver).manifests.get(NAME, V1)
    registry.driver.put_content(layout.tag_link(NAME, V1), content)
    with pytest.raises(ManifestUnknown):
        registry.manifests.get(NAME, V1)


def test_a_blob_that_a_client_is_told_of_lives_on():
    class Aging(MemoryDriver):
        touched = ()

        def stat(self, path):
            found = super().stat(path)
            return type(found)(found.size, time.time() - TOUCH_AFTER - 1)

        def touch(self, path):
            self.touched = (*self.touched, path)

    driver = Aging()
    digest = Digest.of(b"data")
    Registry(driver).uploads.push(NAME, digest, [b"data"])
    # Each process remembers for a while what it has seen.
    for _ in range(2):
        registry = Registry(driver)
        registry.blobs.stat(NAME, digest)
        registry.blobs.mount(NAME, RepositoryName("other"), digest)
    assert driver.touched == (layout.blob(digest),) * 2


def test_sha512_names_of_what_distribution_stored_as_sha256(registry):
    """Distribution links a sha512 digest to the sha256 under which it stores the bytes."""
    registry.uploads.push(NAME, Digest.of(b"data"), [b"data"])
    alias = Digest.of(b"data", "sha512")
    registry.blobs.link(NAME, alias, Digest.of(b"data"))
    assert registry.blobs.stat(NAME, alias) == 4
    other = RepositoryName("other")
    assert registry.blobs.mount(NAME, other, alias)
    with registry.blobs.find(other, alias).open() as reader:
        assert b"".join(reader) == b"data"
