from docker_registry.registry.cache import ManifestCache
from docker_registry.registry.manifest import OCI_INDEX, Manifest
from docker_registry.registry.names import Digest


def manifest(size: int, letter: str) -> Manifest:
    content = letter.encode() * size
    return Manifest(Digest.of(content), OCI_INDEX, content)


def test_the_least_recently_used_goes_first():
    cache = ManifestCache(100)
    a, b, c = (manifest(40, letter) for letter in "abc")
    cache.put(a)
    cache.put(b)
    assert cache.get(a.digest) is a
    cache.put(c)
    assert cache.get(b.digest) is None
    assert cache.get(a.digest) is a
    assert cache.get(c.digest) is c


def test_twice_the_same_counts_once():
    cache = ManifestCache(100)
    for _ in range(5):
        cache.put(manifest(40, "a"))
    other = manifest(60, "b")
    cache.put(other)
    assert cache.get(manifest(40, "a").digest)
    assert cache.get(other.digest) is other


def test_what_does_not_fit_is_not_kept():
    cache = ManifestCache(100)
    small, large = manifest(40, "a"), manifest(101, "b")
    cache.put(small)
    cache.put(large)
    assert cache.get(large.digest) is None
    assert cache.get(small.digest) is small
    assert ManifestCache(0).get(small.digest) is None
