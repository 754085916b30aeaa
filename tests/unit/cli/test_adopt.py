from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from docker_registry.cli import main
from docker_registry.drivers.base import Driver, Stray
from docker_registry.drivers.local import LocalDriver
from docker_registry.errors import AccessDenied
from docker_registry.registry import Registry, layout
from docker_registry.registry.manifest import OCI_INDEX, Manifest
from docker_registry.registry.names import Digest, RepositoryName, Tag

NAME = RepositoryName("team/app")
SUBJECT = Digest.of(b"a subject")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Give a registry with an index that refers to a subject, as Distribution stores it."""
    registry = Registry(LocalDriver(tmp_path))
    subject = {"mediaType": OCI_INDEX, "digest": SUBJECT, "size": 9}
    content = json.dumps({"schemaVersion": 2, "manifests": [], "subject": subject}).encode()
    manifest = Manifest.parse(content, Digest.of(content))
    registry.manifests.put(NAME, manifest, [Tag("v1")])
    registry.referrers.remove(NAME, SUBJECT, manifest.digest)
    return registry


def adopt(tmp_path: Path, *arguments: str, **environment: str) -> Result:
    settings = {"SETTINGS_FLAVOR": "local", "STORAGE_PATH": str(tmp_path), **environment}
    return CliRunner(env=settings).invoke(main, ["adopt", *arguments])


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in (directory / "docker").rglob("*") if path.is_file()
    }


def test_check_of_what_is_whole(registry, tmp_path):
    before = files(tmp_path)
    for arguments in (["--check"], ["--check", "--verify"]):
        result = adopt(tmp_path, *arguments)
        assert result.exit_code == 0
        assert result.output.splitlines() == [
            "repositories: 1",
            "tags: 1",
            "manifests: 1",
            "blobs: 1",
            f"bytes: {sum(len(data) for path, data in before.items() if path.endswith('/data'))}",
            "leftovers: 0",
            "problems: 0",
        ]
    assert files(tmp_path) == before


def test_check_names_each_problem_and_ends_with_1(registry, tmp_path):
    link = layout.tag_link(NAME, Tag("v1"))
    registry.driver.put_content(link, b"")
    registry.driver.put_content(layout.upload_session("x/y", "z").replace("session", "s"), b"")
    result = adopt(tmp_path, "--check")
    assert result.exit_code == 1
    assert (
        f"{link}: the link is empty, as a crash leaves it: the tag is listed and points nowhere; "
        f"push the tag again, or delete it: DELETE /v2/{NAME}/manifests/v1"
    ) in result.output.splitlines()
    assert result.output.endswith("leftovers: 1\nproblems: 1\n")


def test_leftovers_alone_end_with_0(registry, tmp_path):
    registry.driver.put_content(f"{layout.repository(NAME)}/_odd", b"")
    result = adopt(tmp_path, "--check")
    assert result.exit_code == 0
    assert "leftovers: 1" in result.output


def test_check_of_a_wrong_directory_says_so(tmp_path):
    result = adopt(tmp_path, "--check")
    assert result.exit_code == 0
    assert "nothing is stored here" in result.output


def test_adopt_notes_referrers_and_fills_the_index(registry, tmp_path):
    [referrer] = registry.manifests.iterate(NAME)
    line = f"{NAME}@{referrer} refers to {SUBJECT}"
    planned = adopt(tmp_path, "--dry-run").output.splitlines()
    assert planned == [
        line,
        "1 referrers are to be noted",
        "2 differences of the search index are to be mended",
    ]
    assert not registry.referrers.has(NAME, SUBJECT, referrer)
    done = adopt(tmp_path).output.splitlines()
    assert done == [line, "1 referrers noted", "1 repositories are indexed"]
    assert registry.referrers.has(NAME, SUBJECT, referrer)
    again = adopt(tmp_path).output.splitlines()
    assert again == ["0 referrers noted", "1 repositories are indexed"]
    assert adopt(tmp_path, "--dry-run").output.splitlines()[-1].startswith("0 differences")


def test_without_an_index(registry, tmp_path):
    assert adopt(tmp_path, SEARCH_BACKEND="none").output.splitlines()[-1] == "1 referrers noted"


def test_a_layer_that_the_storage_refuses_keeps_nothing_else(registry, tmp_path, monkeypatch):
    def refuse() -> None:
        raise AccessDenied("read only")

    def strays(self: Driver, home: Driver) -> Iterator[Stray]:
        yield Stray("one", "a", "", refuse)
        yield Stray("two", "b", "", lambda: home.put_content("b", b"adopted"))
        yield Stray("three", "", "cut off", refuse)

    monkeypatch.setattr(LocalDriver, "strays", strays)
    planned = adopt(tmp_path, "--dry-run")
    assert planned.exit_code == 0
    assert planned.output.splitlines()[:4] == [
        "one (a)",
        "two (b)",
        "three is left as it is: cut off",
        "2 layers are to be adopted",
    ]
    assert not (tmp_path / "b").exists()
    done = adopt(tmp_path)
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "one (a) is left as it is: read only",
        "two (b)",
        "three is left as it is: cut off",
        "1 layers adopted",
        f"{NAME}@{next(registry.manifests.iterate(NAME))} refers to {SUBJECT}",
        "1 referrers noted",
        "1 repositories are indexed",
        "Error: 1 layers could not be adopted: run it again",
    ]
    assert (tmp_path / "b").read_bytes() == b"adopted"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [(["--verify"], "--check"), (["--check", "--dry-run"], "leave out --dry-run")],
)
def test_options_that_do_not_go_together(tmp_path, arguments, hint):
    result = adopt(tmp_path, *arguments)
    assert result.exit_code == 2
    assert hint in result.output


def test_a_storage_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    result = adopt(
        tmp_path, "--check", SETTINGS_FLAVOR="ceph-s3", AWS_HOST="127.0.0.1", AWS_PORT="1",
        AWS_BUCKET="b", AWS_KEY="k", AWS_SECRET="s", STORAGE_ATTEMPTS="1",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "the storage can't be used" in result.output
    assert "Traceback" not in result.output
