"""Which repositories have an image, and who has sent it."""

from __future__ import annotations

import time

import pytest

from docker_registry.drivers.base import Driver
from docker_registry.legacy import layout
from docker_registry.legacy.enrolment import Enrolment
from docker_registry.legacy.images import Images
from docker_registry.legacy.members import SENT_SECONDS, Members
from docker_registry.legacy.names import RepositoryName as V1Name
from docker_registry.legacy.names import Tag
from docker_registry.legacy.repositories import Repositories
from docker_registry.registry.names import RepositoryName
from docker_registry.registry.selection import EVERYTHING, NOTHING, Choice, NamePattern, Selection
from tests.unit.legacy.conftest import image_id, lay_down

APP = RepositoryName("team/app")
BASE, MIDDLE, TOP = image_id(1), image_id(2), image_id(3)
LINE = [TOP, MIDDLE, BASE]


@pytest.fixture
def members(driver: Driver) -> Members:
    return Members(driver)


def chosen(*patterns: str) -> Selection:
    return Selection(Choice(NamePattern.parse(pattern), True) for pattern in patterns)


def test_a_line(members: Members) -> None:
    assert not members.has(APP, TOP)
    members.add(APP, LINE)
    assert all(members.has(APP, image) for image in LINE)
    assert members.has_line(APP, TOP)
    assert not members.has_line(APP, MIDDLE)
    assert not members.has(RepositoryName("team/app2"), TOP)
    # The same once more, and a shorter one of it.
    members.add(APP, LINE)
    members.add(APP, LINE[1:])
    assert members.has_line(APP, MIDDLE)
    assert members.has_line(APP, TOP)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (EVERYTHING, {"a", "team", "team/app", "team/app/x", "team-b/app", "teams/app"}),
        (NOTHING, set()),
        (chosen("team/**"), {"team", "team/app", "team/app/x"}),
        (chosen("team/*"), {"team/app"}),
        (chosen("team/app"), {"team/app"}),
        (chosen("team"), {"team"}),
        (chosen("team*/app"), {"team/app", "team-b/app", "teams/app"}),
        (chosen("team/app", "a"), {"team/app", "a"}),
        (chosen("team/nothing", "z/**"), set()),
    ],
)
def test_who_has_an_image(members: Members, selection: Selection, expected: set[str]) -> None:
    for name in ("a", "team", "team/app", "team/app/x", "team-b/app", "teams/app"):
        members.add(RepositoryName(name), [TOP])
    found = list(members.repositories(TOP, selection))
    assert sorted(found) == sorted(expected)


def test_what_others_have_costs_nothing(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    members = Members(driver)
    for number in range(50):
        members.add(RepositoryName(f"others-{number}/app"), [TOP])
    asked: list[str] = []
    stat = type(driver).stat
    monkeypatch.setattr(
        type(driver), "stat", lambda self, path: [asked.append(path), stat(self, path)][1]
    )
    assert list(members.repositories(TOP, chosen("team/**"))) == []
    assert len(asked) <= 1


def test_a_name_of_the_greatest_length(members: Members) -> None:
    for name in ("a" * 255, "a/" * 127 + "a"):
        members.add(RepositoryName(name), [TOP])
        assert members.has(RepositoryName(name), TOP)
        assert list(members.repositories(TOP, chosen(name))) == [name]


def test_a_repository_that_is_forgotten(members: Members) -> None:
    other = RepositoryName("team/app/x")
    members.add(APP, LINE)
    members.add(other, LINE)
    members.forget_repository(V1Name.parse(APP))
    assert not members.has(APP, TOP)
    assert list(members.repositories(TOP, EVERYTHING)) == [other]
    members.forget_repository(V1Name.parse("UPPER/app"))


def test_an_image_that_is_forgotten(members: Members) -> None:
    members.add(APP, LINE)
    members.add_pusher(TOP, "htpasswd:alice")
    members.forget_image(TOP)
    assert not members.has(APP, TOP)
    assert not members.was_sent_by(TOP, "htpasswd:alice")
    assert list(members.repositories(TOP, EVERYTHING)) == []
    assert members.has(APP, MIDDLE)


def test_who_has_sent_an_image(members: Members) -> None:
    members.add_pusher(TOP, "htpasswd:alice")
    assert members.was_sent_by(TOP, "htpasswd:alice")
    for key in ("htpasswd:bob", "keystone:alice", "", "htpasswd:alic"):
        assert not members.was_sent_by(TOP, key)
    assert not members.was_sent_by(BASE, "htpasswd:alice")


def test_that_ends(members: Members, monkeypatch: pytest.MonkeyPatch) -> None:
    members.add_pusher(TOP, "htpasswd:alice")
    later = time.time() + SENT_SECONDS + 1
    monkeypatch.setattr("docker_registry.legacy.members.time.time", lambda: later)
    assert not members.was_sent_by(TOP, "htpasswd:alice")


class TestEnrolment:
    @pytest.fixture
    def enrolment(self, driver: Driver, members: Members) -> Enrolment:
        lay_down(driver, BASE)
        lay_down(driver, MIDDLE, BASE)
        lay_down(driver, TOP, MIDDLE)
        name = V1Name.parse(APP)
        driver.put_content(layout.tag(name, Tag("latest")), TOP.encode())
        return Enrolment(driver, Images(driver), Repositories(driver), members)

    def test_a_tag(self, enrolment: Enrolment, members: Members) -> None:
        enrolment.enrol(V1Name.parse(APP), [TOP, TOP])
        assert all(members.has(APP, image) for image in LINE)
        assert members.has_line(APP, TOP)

    def test_what_cannot_be_pulled(
        self, driver: Driver, enrolment: Enrolment, members: Members
    ) -> None:
        driver.put_content(layout.in_progress(MIDDLE), b"true")
        orphan = image_id(9)
        lay_down(driver, orphan, image_id(8))
        enrolment.enrol(V1Name.parse(APP), [MIDDLE, orphan, image_id(7), BASE])
        assert [one for one in (MIDDLE, orphan, image_id(7)) if members.has(APP, one)] == []
        assert members.has(APP, BASE)

    def test_a_repository_that_is_deleted_meanwhile(
        self, driver: Driver, enrolment: Enrolment, members: Members
    ) -> None:
        name = V1Name.parse(APP)
        driver.delete(layout.repository(name))
        enrolment.enrol(name, [TOP])
        assert not members.has(APP, TOP)

    def test_a_name_that_is_none_today(self, driver: Driver, enrolment: Enrolment) -> None:
        enrolment.enrol(V1Name.parse("UPPER/app"), [TOP])
        assert driver.list(f"{layout.OURS}/holders") == []

    def test_deleting_a_repository_forgets_its_images(
        self, driver: Driver, enrolment: Enrolment, members: Members
    ) -> None:
        enrolment.enrol(V1Name.parse(APP), [TOP])
        Repositories(driver).delete(V1Name.parse(APP))
        assert not any(members.has(APP, image) for image in LINE)

    def test_a_store_that_takes_nothing(
        self, driver: Driver, enrolment: Enrolment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from docker_registry.errors import Unavailable

        def refuse(*_: object) -> None:
            raise Unavailable("no")

        monkeypatch.setattr(type(driver), "put_content", refuse)
        enrolment.enrol(V1Name.parse(APP), [TOP])
