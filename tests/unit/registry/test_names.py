import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.errors import BlobUploadUnknown, DigestInvalid, NameInvalid, TagInvalid
from docker_registry.registry.names import (
    Digest,
    RepositoryName,
    Tag,
    UploadId,
    parse_reference,
)

COMPONENT = st.from_regex(r"[a-z0-9]+(?:(?:\.|_|__|-{1,3})[a-z0-9]+){0,2}", fullmatch=True)


@given(st.lists(COMPONENT, min_size=1, max_size=4).map("/".join).filter(lambda n: len(n) < 256))
def test_names_of_the_grammar_are_taken(name):
    assert RepositoryName.parse(name) == name


@given(st.text())
def test_what_is_taken_can_be_part_of_a_path(text):
    for parse, error in ((RepositoryName.parse, NameInvalid), (Tag.parse, TagInvalid)):
        try:
            name = parse(text)
        except error:
            continue
        assert name.isascii()
        assert not any(part in ("", ".", "..") or "\0" in part for part in name.split("/"))
        assert not any(part.startswith((".", "-")) for part in name.split("/"))


@pytest.mark.parametrize(
    "name",
    ["", "A", "a_", "a___b", "a..b", "a/", "/a", "a//b", "a/_layers", "_a", "a\n", "ä", "a" * 256],
)
def test_bad_names(name):
    with pytest.raises(NameInvalid):
        RepositoryName.parse(name)


def test_longest_names():
    assert RepositoryName.parse("a" * 255)
    assert Tag.parse("a" * 128)


@pytest.mark.parametrize("tag", ["", ".a", "-a", "a b", "a:b", "a/b", "a\n", "ä", "a" * 129])
def test_bad_tags(tag):
    with pytest.raises(TagInvalid):
        Tag.parse(tag)


@given(st.binary(), st.sampled_from(["sha256", "sha512"]))
def test_digests(data, algorithm):
    digest = Digest.of(data, algorithm)
    assert Digest.parse(str(digest)) == digest
    assert f"{digest.algorithm}:{digest.hex}" == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        "sha256:" + "g" * 64,
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha512:" + "a" * 64,
        "md5:" + "a" * 32,
        "SHA256:" + "a" * 64,
        "sha256:" + "a" * 64 + "\n",
        "sha256:../../etc/passwd",
    ],
)
def test_bad_digests(text):
    with pytest.raises(DigestInvalid):
        Digest.parse(text)


def test_a_reference_with_a_colon_is_never_a_tag():
    assert isinstance(parse_reference("latest"), Tag)
    assert isinstance(parse_reference("sha256:" + "a" * 64), Digest)
    with pytest.raises(DigestInvalid):
        parse_reference("sha256:latest")


def test_upload_ids():
    upload = UploadId.new()
    assert UploadId.parse(str(upload)) == upload
    for text in ("", "x", str(upload).upper(), f"{{{upload}}}", str(upload).replace("-", "")):
        with pytest.raises(BlobUploadUnknown):
            UploadId.parse(text)
