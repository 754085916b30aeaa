import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.drivers.memory import MemoryDriver
from docker_registry.legacy.errors import RepositoryUnknown, TagUnknown
from docker_registry.legacy.names import RepositoryName, Tag
from docker_registry.legacy.repositories import Repositories
from docker_registry.registry.selection import EVERYTHING
from tests.selections import SELECTIONS
from tests.unit.legacy.conftest import image_id

APP = RepositoryName.parse("team/app")
A, B = image_id(10), image_id(11)


def put(driver, name, content=A):
    driver.put_content(f"repositories/{name}", content.encode())


def tags(driver, name=APP):
    return {tag.name: tag.image for tag in Repositories(driver).tags(name)}


def test_tags(driver):
    put(driver, "team/app/tag_latest")
    put(driver, "team/app/tag_1.0", f"{B}\n")
    put(driver, "team/app/taglatest_json", "{}")
    put(driver, "team/app/json", "{}")
    put(driver, "team/app/_index_images", "[]")
    assert tags(driver) == {"latest": A, "1.0": B}
    repositories = Repositories(driver)
    assert repositories.tag(APP, Tag("latest")) == A
    with pytest.raises(TagUnknown):
        repositories.tag(APP, Tag("other"))


def test_what_is_called_like_a_tag_and_is_none(driver):
    put(driver, "team/app/tag_x_json", json.dumps({"last_update": 1}))
    put(driver, "team/app/tag__x")
    put(driver, "team/app/tag_empty", "")
    assert tags(driver) == {"_x": A}
    with pytest.raises(TagUnknown):
        Repositories(driver).tag(APP, Tag("x_json"))


def test_tags_that_nobody_may_push_any_more(driver):
    put(driver, "team/app/tag_a+b%3Ac")
    (tag,) = Repositories(driver).tags(APP)
    assert (tag.name, tag.path) == ("a b:c", "repositories/team/app/tag_a+b%3Ac")


def test_a_repository_without_tags(driver):
    repositories = Repositories(driver)
    assert not repositories.exists(APP)
    with pytest.raises(RepositoryUnknown):
        list(repositories.tags(APP))
    put(driver, "team/app/_index_images", "[]")
    assert repositories.exists(APP)
    assert tags(driver) == {}


def test_iterate(driver):
    names = ["a", "a/b/c", "b/x", "b/y", "c d/e f", "b-b/x"]
    for name in names:
        put(driver, f"{RepositoryName.parse(name).directory}/tag_latest")
    found = list(Repositories(driver).iterate())
    assert sorted(map(str, found)) == sorted(["library/a", *names[1:]])
    directories = [name.directory for name in found]
    assert directories == ["a/b%252Fc", "b/x", "b/y", "b-b/x", "c+d/e%2Bf", "library/a"]
    for index, directory in enumerate(directories):
        assert list(Repositories(driver).iterate(directory)) == found[index + 1 :]
    assert list(Repositories(driver).iterate("b")) == found[1:]
    assert next(str(name) for name in Repositories(driver).iterate("b/xx")) == "b/y"


COMPONENT = st.sampled_from(["a", "b", "a-b", "a.b", "a0", "a_b", "aa", "library", "B", "a b"])
V1_NAMES = st.lists(COMPONENT, min_size=1, max_size=4).map("/".join).map(RepositoryName.parse)


@given(
    st.sets(V1_NAMES, max_size=12),
    st.one_of(st.just(""), st.text("ab/-.0_", max_size=6)),
    st.just(EVERYTHING) | SELECTIONS,
)
def test_todays_names_in_byte_order(names, after, selection):
    driver = MemoryDriver()
    for name in names:
        put(driver, f"{name.directory}/tag_latest")
    expected = sorted(n.listed for n in names if n.listed.replace(" ", "B").islower())
    found = list(Repositories(driver).iterate_todays(after, selection))
    assert found == [name for name in expected if name > after and name in selection]


def test_what_is_not_listed(driver):
    put(driver, "team/app/tag_latest")
    put(driver, "team/empty/_index_images", "[]")
    put(driver, "team/phantom/tag_x_json", "{}")
    put(driver, "team/odd/tag_a+b")
    put(driver, "a/b%2Fc/tag_latest")
    put(driver, "a%2Fb/c/tag_latest")
    assert list(Repositories(driver).iterate_todays()) == ["team/app"]


def test_tags_that_clients_can_ask_for(driver, monkeypatch):
    monkeypatch.setattr("docker_registry.legacy.repositories.BATCH", 2)
    for tag in ("v1", "_x", "V2", "v1.0", "v10"):
        put(driver, f"team/app/tag_{tag}")
        put(driver, f"team/app/tag{tag}_json", "{}")
    put(driver, "team/app/tag_a+b")
    put(driver, "team/app/tag_%61")
    repositories = Repositories(driver)
    assert [tag for tag, _ in repositories.iterate_tags(APP)] == ["V2", "_x", "v1", "v1.0", "v10"]
    assert dict(repositories.iterate_tags(APP, "v1")) == {"v1.0": A, "v10": A}
    assert repositories.has_tags(APP)
    nothing = RepositoryName.parse("team/nothing")
    assert list(repositories.iterate_tags(nothing)) == []
    assert not repositories.has_tags(nothing)
