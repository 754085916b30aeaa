"""Backends that fail in the middle of things, and what is brought home afterwards."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from docker_registry.config import Settings
from docker_registry.drivers import create
from docker_registry.drivers.alternate import Chain
from docker_registry.drivers.alternate.member import Member
from docker_registry.drivers.base import UploadState
from docker_registry.drivers.local import LocalDriver
from docker_registry.errors import ConfigError, PathNotFound, QuotaExceeded, Unavailable
from docker_registry.registry import layout
from docker_registry.registry.names import Digest
from docker_registry.upkeep.heal import Heal
from tests.drivers.switchable import SwitchableDriver

LAYER = b"layer " * 100_000
BLOB = layout.blob(Digest.of(LAYER))


class Site:
    """Two backends, and nodes over them."""

    def __init__(self, directory: Path) -> None:
        self.primary = SwitchableDriver(directory / "primary")
        self.second = SwitchableDriver(directory / "second")
        self.node = self.open()

    def open(self) -> Chain:
        members = (("primary", self.primary), ("second", self.second))
        return Chain([Member(name, driver, probe_every=0.01) for name, driver in members])

    def fail(self) -> None:
        self.primary.down = True

    def recover(self) -> None:
        self.primary.down = False
        until(lambda: not any(self.node.condition().values()))

    def heal(self) -> list[str]:
        results = dict(Heal(self.open()).each())
        assert not any(results.values()), results
        return list(results)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def content(chain: Chain, path: str) -> bytes:
    with chain.reader(path) as reader:
        return b"".join(reader)


def test_while_all_is_well_the_alternate_is_not_used(site: Site) -> None:
    site.node.put_content("a/link", b"x")
    site.node.write("up/1", [LAYER], BLOB)
    site.second.calls.clear()
    assert site.node.get_content("a/link") == b"x"
    assert content(site.node, BLOB) == LAYER
    assert site.node.list("a") == ["link"]
    # One look at the journal a second, and the directory that may lie in both.
    assert site.second.calls.count("list") <= 2
    assert set(site.second.calls) <= {"list"}
    assert site.second.list("docker/registry/ours") == []


def test_a_copy_is_made_at_home_or_else_passes_through(site: Site) -> None:
    site.node.write("up/1", [LAYER], "images/1/layer")
    site.primary.calls.clear()
    site.node.copy("up/1", "images/1/layer", BLOB)
    assert site.primary.calls == ["copy"]
    site.node.delete(BLOB)
    site.primary.full = True
    site.node.copy("up/1", "images/1/layer", BLOB)
    assert content(site.node, BLOB) == LAYER
    assert site.second.stat(BLOB).size == len(LAYER)
    site.primary.full = False
    # What lies in the alternate goes home by being copied.
    site.node.copy("up/1", BLOB, "images/2/layer")
    assert site.primary.stat("images/2/layer").size == len(LAYER)
    site.fail()
    with pytest.raises(Unavailable):
        site.node.copy("up/1", "images/1/layer", "images/3/layer")


def test_what_the_primary_cannot_take_goes_to_the_alternate_and_home_again(site: Site) -> None:
    site.node.put_content("tags/old", b"1")
    site.fail()
    site.node.put_content("tags/new", b"2")
    site.node.write("up/1", [LAYER], BLOB)
    for node in (site.node, site.open()):
        assert node.get_content("tags/new") == b"2"
        assert content(node, BLOB) == LAYER
        assert node.stat("tags/new").size == 1
        with pytest.raises(Unavailable):
            node.get_content("tags/old")
        with pytest.raises(Unavailable):
            node.get_content("tags/never-was")
        with pytest.raises(Unavailable):
            node.list("tags")
        with pytest.raises(Unavailable):
            node.delete("tags/new")
    site.recover()
    assert site.node.list("tags") == ["new", "old"]
    assert sorted(site.heal()) == sorted(["tags/new", BLOB])
    assert site.primary.get_content("tags/new") == b"2"
    assert hashlib.sha256(site.primary.get_content(BLOB)).digest() == hashlib.sha256(LAYER).digest()
    assert site.second.list("") == []
    assert site.open().journal.look() is False


def test_a_tag_moved_in_the_outage_keeps_its_newest_value(site: Site) -> None:
    site.node.put_content("tag", b"before")
    site.fail()
    site.node.put_content("tag", b"first")
    site.node.put_content("tag", b"second")
    site.recover()
    other = site.open()
    assert site.primary.get_content("tag") == b"before"
    assert site.node.get_content("tag") == other.get_content("tag") == b"second"
    other.put_content("tag", b"third")
    assert site.node.get_content("tag") == b"third"
    site.heal()
    assert site.primary.get_content("tag") == site.node.get_content("tag") == b"third"
    site.node.put_content("tag", b"after")
    assert site.primary.get_content("tag") == b"after"


def test_what_is_deleted_before_it_is_healed_stays_deleted(site: Site) -> None:
    site.node.put_content("d/kept", b"1")
    site.node.put_content("d/moved", b"1")
    site.fail()
    site.node.put_content("d/moved", b"2")
    site.node.put_content("d/new", b"2")
    site.recover()
    site.node.delete("d/moved")
    site.node.delete("d/new")
    for node in (site.node, site.open()):
        assert node.list("d") == ["kept"]
        for path in ("d/moved", "d/new"):
            with pytest.raises(PathNotFound):
                node.get_content(path)
    site.heal()
    assert site.primary.list("d") == site.node.list("d") == ["kept"]
    assert site.second.list("") == []


def test_healing_that_is_cut_off_and_run_again_ends_the_same(site: Site) -> None:
    site.fail()
    for n in range(5):
        site.node.put_content(f"tags/{n}", str(n).encode())
    site.node.write("up/1", [LAYER], BLOB)
    site.recover()
    halfway = Heal(site.open()).each()
    next(halfway)
    next(halfway)
    halfway.close()
    site.primary.full = True
    stuck = dict(Heal(site.open()).each())
    assert stuck
    assert all(stuck.values())
    assert site.open().journal.look()
    site.primary.full = False
    site.heal()
    assert site.primary.list("tags") == ["0", "1", "2", "3", "4"]
    assert site.primary.get_content(BLOB) == LAYER
    assert site.second.list("") == []


def test_one_process_heals_at_a_time(site: Site) -> None:
    site.fail()
    site.node.put_content("tags/1", b"1")
    site.node.put_content("tags/2", b"2")
    site.recover()
    first = Heal(site.open()).each()
    next(first)
    assert list(Heal(site.open()).each()) == []
    assert len(list(first)) == 1
    assert site.second.list("") == []


def test_a_blob_that_was_spoilt_in_the_alternate_is_not_brought_home(site: Site) -> None:
    site.fail()
    site.node.write("up/1", [LAYER], BLOB)
    site.second.put_content(BLOB, LAYER[:-1] + b"?")
    site.recover()
    (result,) = Heal(site.open()).each()
    assert "other content" in result[1]
    with pytest.raises(PathNotFound):
        site.primary.stat(BLOB)
    assert site.open().journal.look()


def test_a_primary_that_fails_in_the_middle_of_a_stream(site: Site, tmp_path: Path) -> None:
    class Half(SwitchableDriver):
        def write(self, directory: str, chunks: Iterable[bytes], path: str) -> None:
            next(iter(chunks))
            raise Unavailable("broken in the middle")

        def append(self, state: UploadState, chunks: Iterable[bytes]) -> UploadState:
            next(iter(chunks))
            raise Unavailable("broken in the middle")

    half = Half(tmp_path / "half")
    for use in ("write", "append"):
        chain = Chain([Member("half", half, probe_every=60), Member("second", site.second)])
        if use == "write":
            chain.write("up/1", iter([LAYER[:9], b"", LAYER[9:900], LAYER[900:]]), BLOB)
        else:
            state = chain.start_upload("up/2")
            state = chain.append(state, iter([LAYER[:9], b"", LAYER[9:900], LAYER[900:]]))
            assert (state["member"], state["size"]) == ("second", len(LAYER))
            chain.commit(state, BLOB)
        assert content(chain, BLOB) == LAYER
        assert chain.condition() == {"half": "broken in the middle", "second": ""}


def test_an_error_of_the_client_is_no_failure_of_the_backend(site: Site) -> None:
    class Gone(Exception):
        pass

    def broken() -> Iterator[bytes]:
        yield b"x" * 1000
        raise Gone

    with pytest.raises(Gone):
        site.node.write("up/1", broken(), BLOB)
    state = site.node.start_upload("up/2")
    with pytest.raises(Gone):
        site.node.append(state, broken())
    assert site.node.condition() == {"primary": "", "second": ""}
    with pytest.raises(PathNotFound):
        site.node.stat(BLOB)


def test_an_upload_goes_on_elsewhere_when_its_backend_is_full(site: Site) -> None:
    state = site.node.append(site.node.start_upload("up/1"), [LAYER[:1000]])
    site.primary.full = True
    state = site.node.append(state, [LAYER[1000:2000]])
    assert state["member"] == "second"
    site.primary.full = False
    state = site.open().append(state, [LAYER[2000:]])
    site.node.commit(state, BLOB)
    assert content(site.node, BLOB) == LAYER
    site.heal()
    assert site.primary.get_content(BLOB) == LAYER


def test_a_commit_that_the_backend_has_no_room_for(site: Site) -> None:
    state = site.node.append(site.node.start_upload("up/1"), [LAYER])
    site.primary.full = True
    site.node.commit(state, BLOB)
    assert site.second.get_content(BLOB) == LAYER
    assert content(site.node, BLOB) == LAYER
    assert not any(site.node.condition().values())


def test_an_upload_whose_backend_is_down_waits_for_it(site: Site) -> None:
    state = site.node.append(site.node.start_upload("up/1"), [LAYER[:1000]])
    site.fail()
    with pytest.raises(Unavailable):
        site.node.append(state, [LAYER[1000:]])
    with pytest.raises(Unavailable):
        site.node.commit(state, BLOB)
    site.recover()
    site.node.commit(site.node.append(state, [LAYER[1000:]]), BLOB)
    assert site.primary.get_content(BLOB) == LAYER


def test_both_down_is_unavailable_and_both_full_is_a_quota(site: Site) -> None:
    site.primary.full = site.second.full = True
    with pytest.raises(QuotaExceeded):
        site.node.put_content("a", b"x")
    with pytest.raises(QuotaExceeded):
        site.node.write("up/1", [b"x"], BLOB)
    site.primary.down = site.second.down = True
    for call in (
        lambda: site.node.put_content("a", b"x"),
        lambda: site.node.get_content("a"),
        lambda: site.node.list(""),
        lambda: site.node.write("up/1", [b"x"], BLOB),
        site.node.check,
    ):
        with pytest.raises(Unavailable):
            call()


def test_a_dead_primary_costs_one_call_until_it_is_back(site: Site) -> None:
    site.fail()
    site.node = Chain(
        [Member("primary", site.primary, probe_every=1), Member("second", site.second)]
    )
    for n in range(20):
        site.node.put_content(f"a/{n}", b"x")
    assert site.primary.calls.count("put_content") == 1
    assert "switched off" in site.node.condition()["primary"]
    site.recover()
    site.heal()
    site.node.put_content("b", b"x")
    assert site.primary.get_content("b") == b"x"


def test_the_start_goes_on_with_one_backend_down(site: Site) -> None:
    site.fail()
    site.node.check()
    site.primary.down, site.second.down = False, True
    site.node.check()
    site.primary.down = True
    with pytest.raises(Unavailable):
        site.node.check()


def test_old_content_of_the_alternate_is_found(site: Site) -> None:
    site.second.put_content("tags/old", b"1")
    site.second.put_content(BLOB, LAYER)
    assert site.node.get_content("tags/old") == b"1"
    assert content(site.node, BLOB) == LAYER
    site.fail()
    assert content(site.node, BLOB) == LAYER
    assert site.node.get_content("tags/old") == b"1"


def test_three_backends(tmp_path: Path) -> None:
    drivers = [SwitchableDriver(tmp_path / str(n)) for n in range(3)]
    chain = Chain([Member(str(n), driver, 0.01) for n, driver in enumerate(drivers)])
    drivers[0].down = drivers[1].down = True
    chain.put_content("tag", b"1")
    chain.write("up/1", [LAYER], BLOB)
    assert chain.get_content("tag") == b"1"
    assert content(chain, BLOB) == LAYER
    drivers[0].down = drivers[1].down = False
    until(lambda: not any(chain.condition().values()))
    assert not any(problem for _, problem in Heal(chain).each())
    assert drivers[0].get_content("tag") == b"1"
    assert drivers[0].get_content(BLOB) == LAYER
    assert drivers[1].list("") == drivers[2].list("") == []


def test_settings_make_a_chain(tmp_path: Path) -> None:
    path, alternate = tmp_path / "store", tmp_path / "alternate"
    chain = create(
        Settings(
            storage="memory",
            storage_alternate=["local"],
            storage_path=str(path),
            storage_alternate_path=str(alternate),
        )
    )
    assert chain.condition() == {"memory": "", "local": ""}
    chain.put_content("a", b"x")
    assert not (alternate / "a").exists()
    for names in (["memory"], ["local", "local"], ["nothing"]):
        with pytest.raises(ConfigError, match="storage_alternate"):
            create(Settings(storage="memory", storage_alternate=names))
    assert isinstance(create(Settings(storage="local", storage_path=str(path))), LocalDriver)
