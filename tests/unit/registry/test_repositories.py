import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.drivers.memory import MemoryDriver
from docker_registry.registry import Registry, layout
from docker_registry.registry.names import Digest, RepositoryName

COMPONENT = st.sampled_from(["a", "b", "a-b", "a.b", "a0", "a_b", "aa", "0"])
NAMES = st.sets(st.lists(COMPONENT, min_size=1, max_size=3).map("/".join), max_size=12)
DIGEST = Digest.of(b"manifest")


def registry_with(names) -> Registry:
    registry = Registry(MemoryDriver())
    for name in names:
        path = layout.revision_link(RepositoryName.parse(name), DIGEST)
        registry.driver.put_content(path, DIGEST.encode())
    return registry


@given(NAMES, st.one_of(st.just(""), st.text("ab/-.0_", max_size=6)))
def test_names_are_in_byte_order(names, after):
    repositories = registry_with(names).repositories
    expected = sorted(name for name in names if name > after)
    assert list(repositories.iterate(after)) == expected


@pytest.mark.parametrize("part", ["_layers/x/link", "_uploads/x/data", "UPPER/_manifests/x"])
def test_what_is_no_repository(part):
    registry = registry_with(["a/b"])
    registry.driver.put_content(f"{layout.REPOSITORIES}/a/{part}", b"")
    assert list(registry.repositories.iterate()) == ["a/b"]
    assert not registry.repositories.exists("a")
