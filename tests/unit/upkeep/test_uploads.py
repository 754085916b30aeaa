import math
import time

import pytest

from docker_registry import app
from docker_registry.config import Settings
from docker_registry.errors import BlobUploadUnknown, PathNotFound
from docker_registry.legacy.names import ImageId
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import layout
from docker_registry.registry.names import Digest, RepositoryName, UploadId
from docker_registry.upkeep.uploads import UploadPurge

NAME = RepositoryName("team/app")
IMAGE = ImageId("a" * 64)
BELOW = RepositoryName("team/app/below")


def test_only_idle_sessions_are_removed(registry):
    old = registry.uploads.start(NAME)
    grown = registry.uploads.append(registry.uploads.start(BELOW), [b"data"])
    time.sleep(0.2)
    fresh = registry.uploads.append(registry.uploads.start(NAME), [b"data"])
    purge = UploadPurge(registry, max_idle=0.1)
    assert set(purge.due()) == {(NAME, old.id), (BELOW, grown.id)}
    assert purge.run() == 2
    assert list(registry.uploads.iterate(NAME)) == [fresh.id]
    assert list(registry.uploads.iterate(BELOW)) == []
    registry.uploads.finish(fresh, Digest.of(b"data"))


def test_what_a_crash_left_without_a_record_is_removed(registry):
    session = registry.uploads.append(registry.uploads.start(NAME), [b"data"])
    registry.driver.delete(layout.upload_session(NAME, session.id))
    assert UploadPurge(registry, max_idle=3600).run() == 0
    assert UploadPurge(registry, max_idle=0).run() == 1
    assert registry.driver.list(layout.uploads(NAME)) == []


def test_an_unreadable_record_is_no_obstacle(registry):
    session = registry.uploads.start(NAME)
    registry.driver.put_content(layout.upload_session(NAME, session.id), b"{}")
    assert UploadPurge(registry, max_idle=0).run() == 1


def test_at_an_age_of_0_they_are_kept_for_ever(registry):
    session = registry.uploads.start(NAME)
    time.sleep(0.1)
    legacy = LegacyStore(registry.driver, math.inf)
    legacy.pushes.put_json(IMAGE, b'{"id": "%s"}' % IMAGE.encode())
    app._upkeep(Settings(upload_max_age=0), registry, legacy, None).run_due()
    assert legacy.images.is_in_progress(IMAGE)
    assert list(registry.uploads.iterate(NAME)) == [session.id]
    for job in ("purge-uploads", "purge-v1-pushes", "sweep-storage"):
        with pytest.raises(PathNotFound):
            registry.driver.stat(layout.last_run(job))
    app._upkeep(Settings(), registry, legacy, None).run_due()
    assert registry.driver.stat(layout.last_run("purge-uploads")).size


@pytest.mark.parametrize(
    "left", [["data", "startedat", "hashstates/sha256/0"], ["hashstates/sha256/0"], ["data"]]
)
def test_what_distribution_left_is_removed_when_it_is_old(registry, left):
    upload = UploadId.new()
    for name in left:
        # Distribution goes by what this says, and keeps what has none forever.
        registry.driver.put_content(f"{layout.upload(NAME, upload)}/{name}", b"no time")
    registry.driver.put_content(f"{layout.uploads(NAME)}/stray", b"")
    assert UploadPurge(registry, max_idle=3600).run() == 0
    with pytest.raises(BlobUploadUnknown):
        registry.uploads.get(NAME, upload)
    assert UploadPurge(registry, max_idle=0).run() == 1
    assert registry.driver.list(layout.uploads(NAME)) == ["stray"]
