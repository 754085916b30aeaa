"""``docker-registry user``."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import bcrypt
import pytest
from click.testing import CliRunner, Result

from docker_registry.auth import password_edit, password_file
from docker_registry.auth.password_file import Users
from docker_registry.cli import main
from tests import passwords


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_edit, "COST", passwords.COST)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users"


def user(path: Path | None, *arguments: str, stdin: str | bytes = "") -> Result:
    settings = {"SETTINGS_FLAVOR": "local", "AUTH_HTPASSWD_PATH": str(path or "")}
    return CliRunner(env=settings).invoke(main, ["user", *arguments], input=stdin)


def add(path: Path, name: str, password: str | bytes) -> Result:
    return user(path, "add", name, "--password-stdin", stdin=password)


def matches(path: Path, name: str, password: str) -> bool:
    return bcrypt.checkpw(password.encode(), Users.of(path.read_bytes()).hashes[name])


def test_add_list_change_remove(path: Path) -> None:
    assert add(path, "alice", "first\n").stdout == "alice was added\n"
    assert add(path, "bob", "x").stdout == "bob was added\n"
    assert matches(path, "alice", "first")
    assert add(path, "alice", "second\r\n").stdout == "alice has another password\n"
    assert matches(path, "alice", "second") and not matches(path, "alice", "first")
    assert user(path, "list").stdout == "alice\nbob\n"
    assert user(path, "remove", "alice").stdout == "alice was removed\n"
    assert user(path, "list").stdout == "bob\n"
    again = user(path, "remove", "alice")
    assert again.exit_code == 1
    assert "alice is not in" in again.stderr


def test_hashes_cost_what_the_module_says() -> None:
    assert password_file.COST >= 10


def test_the_password_is_asked_for_twice_and_not_shown(path: Path) -> None:
    done = user(path, "add", "alice", stdin="secret\nsecret\n")
    assert done.exit_code == 0, done.output
    assert "secret" not in done.output
    assert matches(path, "alice", "secret")
    differing = user(path, "add", "bob", stdin="secret\nsecrte\n")
    assert differing.exit_code == 1
    assert user(path, "list").stdout == "alice\n"


def test_a_file_of_ones_own(tmp_path: Path, path: Path) -> None:
    other = str(tmp_path / "other")
    user(path, "add", "alice", "--file", other, "--password-stdin", stdin="x")
    assert not path.exists()
    assert user(None, "list", "--file", other).stdout == "alice\n"
    assert user(None, "remove", "alice", "--file", other).exit_code == 0


def test_no_file_is_named(path: Path) -> None:
    for arguments in (("list",), ("remove", "alice"), ("add", "alice", "--password-stdin")):
        refused = user(None, *arguments, stdin="x")
        assert refused.exit_code == 1
        assert "AUTH_HTPASSWD_PATH" in refused.stderr


def test_other_lines_stay_as_they_are(path: Path) -> None:
    before = b"# ours\r\n\nbob:$apr1$x$y\r\nb\xff:z\n" + passwords.line("alice", "a").encode()
    path.write_bytes(before + passwords.line("alice", "shadowed").encode() + b"last:no-newline")
    add(path, "alice", "new")
    start, changed, end = path.read_bytes().rpartition(b"alice:")
    assert start + changed == before.rpartition(b"alice:")[0] + b"alice:"
    assert end.endswith(b"\nlast:no-newline\n")
    assert matches(path, "alice", "new")
    add(path, "carla", "x")
    assert path.read_bytes().split(b"\n")[-2].startswith(b"carla:$2b$")
    user(path, "remove", "alice")
    assert b"alice" not in path.read_bytes()
    assert path.read_bytes().startswith(before.rpartition(b"alice:")[0] + b"last:no-newline\n")


def test_lines_that_do_not_count_are_told(path: Path) -> None:
    path.write_text("bob:plain\n" + passwords.line("alice", "a"))
    listed = user(path, "list")
    assert listed.stdout == "alice\n"
    assert "line 1" in listed.stderr and "plain" not in listed.stderr


def test_the_file_is_the_registry_s_alone_and_keeps_its_mode(path: Path) -> None:
    add(path, "alice", "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    add(path, "bob", "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    user(path, "remove", "bob")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [one.name for one in path.parent.iterdir()] == ["users"]


def test_the_file_keeps_its_owner(path: Path) -> None:
    add(path, "alice", "x")
    try:
        os.chown(path, 4321, 4322)
    except PermissionError:
        pytest.skip("only root may give files away; `sudo make test` does")
    add(path, "bob", "x")
    assert (path.stat().st_uid, path.stat().st_gid) == (4321, 4322)


def test_a_symbolic_link_stays_one(tmp_path: Path, path: Path) -> None:
    (tmp_path / "real").mkdir()
    path.symlink_to(tmp_path / "real/users")
    add(path, "alice", "x")
    add(path, "bob", "x")
    assert path.is_symlink()
    assert user(tmp_path / "real/users", "list").stdout == "alice\nbob\n"


def test_a_file_that_can_not_be_replaced_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(path, "alice", "x")
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    failed = add(path, "bob", "x")
    assert failed.exit_code == 1
    assert "No space left" in failed.stderr
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["users"]


@pytest.mark.parametrize(
    "name", ["", "a:b", "a\nb", "a\0b", "x" * 256, " a", "#a", "a\x7f", "\ud800"]
)
def test_names_that_no_client_could_send(path: Path, name: str) -> None:
    refused = add(path, name, "x")
    assert refused.exit_code == 2
    assert "a user name should" in refused.stderr
    assert not path.exists()


@pytest.mark.parametrize("password", ["", "\n", "x" * 73, "é" * 37, "a\nb", "a\0", b"\xff"])
def test_passwords_that_can_not_be_used(path: Path, password: str | bytes) -> None:
    refused = add(path, "alice", password)
    assert refused.exit_code == 2
    assert "should" in refused.stderr
    assert not path.exists()


@pytest.mark.parametrize("password", ["x" * 72, "é" * 36, " a: ", "\u00a0", "pass word"])
def test_unusual_passwords(path: Path, password: str) -> None:
    assert add(path, "alice", password).exit_code == 0
    assert matches(path, "alice", password)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    refused = add(tmp_path / "missing/users", "alice", "x")
    assert refused.exit_code == 1
    assert f"there is no directory {tmp_path / 'missing'}: make it first" in refused.stderr
    assert "No such file or directory" in user(tmp_path / "users", "list").stderr
    assert user(tmp_path / "users", "list").exit_code == 1


def test_changes_at_the_same_time_are_all_there(path: Path) -> None:
    command = (
        "import sys; from pathlib import Path; from docker_registry.auth import password_edit; "
        "[password_edit.put(Path(sys.argv[1]), f'{sys.argv[2]}{n}', b'x') for n in range(20)]"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", command, str(path), name]) for name in "abc"
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(path.read_text().splitlines()) == 60
