import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.legacy import layout
from docker_registry.legacy.errors import ImageIdInvalid, RepositoryInvalid, TagInvalid
from docker_registry.legacy.names import ImageId, RepositoryName, Tag


@pytest.mark.parametrize("text", ["0" * 64, "0123456789abcdef"])
def test_image_ids(text):
    assert ImageId.parse(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 63,
        "0" * 32,
        "A" * 64,
        "g" * 16,
        "0" * 16 + "\n",
        "\u0660" * 16,
        "../../etc/passwd",
    ],
)
def test_what_is_no_image_id(text):
    with pytest.raises(ImageIdInvalid, match="Invalid image ID"):
        ImageId.parse(text)


@pytest.mark.parametrize("text", ["latest", "_x", "1.0-rc", "A" * 128])
def test_tags(text):
    assert Tag.parse(text) == text


@pytest.mark.parametrize("text", ["", ".x", "-x", "a b", "é", "a/b", "A" * 129, "a\n"])
def test_what_is_no_tag(text):
    with pytest.raises(TagInvalid, match="must match"):
        Tag.parse(text)


@pytest.mark.parametrize(
    ("text", "name", "directory"),
    [
        ("ubuntu", "library/ubuntu", "library/ubuntu"),
        ("library/ubuntu", "library/ubuntu", "library/ubuntu"),
        ("team/app/", "team/app", "team/app"),
        # What 0.9 made of these was seen by running it.
        ("a/b/c", "a/b/c", "a/b%252Fc"),
        ("My NS/My App", "My NS/My App", "My+NS/My%2BApp"),
        ("a~b/c~d", "a~b/c~d", "a%7Eb/c%257Ed"),
        ("100%/50%", "100%/50%", "100%25/50%2525"),
    ],
)
def test_repositories(text, name, directory):
    parsed = RepositoryName.parse(text)
    assert (str(parsed), parsed.directory) == (name, directory)
    assert RepositoryName.of_directory(*directory.split("/")) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "//", "/a", "a//b", ".", "..", "../..", "a/..", "a/../../b", ".hidden/x", "a/b/.c",
        "é/a", "a/é", "a\n/b", "a/\0", "a/" + "b" * 254, "a/" + "/b" * 60, " \u2028",
    ],
)  # fmt: skip
def test_what_is_no_repository(text):
    with pytest.raises(RepositoryInvalid, match="Invalid repository name: "):
        RepositoryName.parse(text)


@given(st.text(max_size=40))
def test_no_name_leaves_its_directory(text):
    try:
        name = RepositoryName.parse(text)
    except RepositoryInvalid:
        return
    components = layout.repository(name).split("/")
    assert len(components) == 3
    assert all(part and not part.startswith(".") and "\0" not in part for part in components)


def test_names_of_old_versions_are_read():
    name = RepositoryName.of_directory("a", "b%2Fc")
    assert (str(name), layout.repository(name)) == ("a/b/c", "repositories/a/b%2Fc")


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("ubuntu", "ubuntu"),
        ("library/ubuntu", "ubuntu"),
        ("team/app", "team/app"),
        ("a/b/c", "a/b/c"),
        # Clients that ask for it by these words today ask for just that.
        ("library/a/b", "library/a/b"),
        ("library/library/a", "library/library/a"),
        ("Team/app", "Team/app"),
        ("App", "library/App"),
        ("a b/c+d", "a b/c+d"),
    ],
)
def test_listed_names(name, listed):
    parsed = RepositoryName.parse(name)
    assert parsed.listed == listed
    assert RepositoryName.of_listed(listed) == parsed


@pytest.mark.parametrize(
    "text", ["library/ubuntu", "App", "library/library", "a/", "", "..", "a/" + "b/" * 60 + "c"]
)
def test_what_nothing_of_v1_is_listed_as(text):
    assert RepositoryName.of_listed(text) is None


@given(st.text("aB/-. %+", max_size=12))
def test_no_two_names_are_listed_as_one(text):
    try:
        name = RepositoryName.parse(text)
    except RepositoryInvalid:
        return
    assert RepositoryName.of_listed(name.listed) == name
