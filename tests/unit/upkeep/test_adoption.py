import json

import pytest

from docker_registry.registry import layout
from docker_registry.registry.manifest import OCI_INDEX, OCI_MANIFEST, Manifest
from docker_registry.registry.names import Digest, RepositoryName
from docker_registry.upkeep.adoption import Adoption, Referral

NAME = RepositoryName("team/app")
SUBJECT = Digest.of(b"a subject")


def store_as_distribution_does(registry, **more):
    """Store an index of nothing without a note of its subject."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], **more}
    content = json.dumps(document).encode()
    digest = Digest.of(content)
    registry.driver.put_content(layout.blob(digest), content)
    registry.driver.put_content(layout.revision_link(NAME, digest), digest.encode())
    return digest


@pytest.fixture
def referrer(registry):
    store_as_distribution_does(registry)
    subject = {"mediaType": OCI_MANIFEST, "digest": SUBJECT, "size": 5}
    return store_as_distribution_does(registry, subject=subject, artifactType="a/one")


def listed(registry):
    return [entry.digest for entry in registry.manifests.referring_to(NAME, SUBJECT)]


def test_subjects_are_noted_once(registry, referrer):
    adoption = Adoption(registry)
    assert listed(registry) == []
    [found] = adoption.unnoted()
    assert found == Referral(NAME, referrer, SUBJECT)
    assert listed(registry) == []
    adoption.note(found)
    assert listed(registry) == [referrer]
    assert list(adoption.unnoted()) == []


def test_what_is_pushed_to_us_is_noted_already(registry):
    subject = {"mediaType": OCI_MANIFEST, "digest": SUBJECT, "size": 5}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "subject": subject}
    content = json.dumps(document).encode()
    registry.manifests.put(NAME, Manifest.parse(content, Digest.of(content)), [])
    assert list(Adoption(registry).unnoted()) == []


def test_a_referrer_that_is_deleted_meanwhile_leaves_no_note(registry, referrer):
    adoption = Adoption(registry)
    [found] = adoption.unnoted()
    registry.manifests.delete(NAME, referrer)
    adoption.note(found)
    assert registry.driver.list(layout.referrers(NAME, SUBJECT)) == []


def test_manifests_that_cannot_be_read_are_no_obstacle(registry, referrer):
    registry.driver.put_content(layout.revision_link(NAME, Digest.of(b"x")), b"")
    broken = Digest.of(b"broken")
    registry.driver.put_content(layout.revision_link(NAME, broken), broken.encode())
    registry.driver.put_content(layout.blob(broken), b"broken")
    assert len(list(Adoption(registry).unnoted())) == 1
