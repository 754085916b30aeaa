from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from docker_registry.auth.htpasswd import HtpasswdMethod
from docker_registry.auth.identity import Identity
from docker_registry.auth.method import Password
from docker_registry.config import Settings
from docker_registry.errors import ConfigError, IdentityUnavailable
from tests import passwords
from tests.tools import Tool

LONGEST = "x" * 71 + "y"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return passwords.write(
        tmp_path / "users",
        passwords.line("alice", "right"),
        passwords.line("böb", "pässword:with colons"),
        passwords.line("long", LONGEST),
        passwords.line("costly", "right", 6),
    )


def method_of(path: Path) -> HtpasswdMethod:
    return HtpasswdMethod(Settings(auth_htpasswd={"path": str(path)}))


@pytest.fixture
def method(path: Path) -> HtpasswdMethod:
    return method_of(path)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Give the hashes that passwords were compared with."""
    hashes: list[bytes] = []
    compare = bcrypt.checkpw

    def note(password: bytes, hashed: bytes) -> bool:
        hashes.append(hashed)
        return compare(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", note)
    yield hashes


def log_in(method: HtpasswdMethod, user: str, secret: str) -> Identity | None:
    return method.log_in(Password(user, secret))


def test_a_right_password(method: HtpasswdMethod) -> None:
    identity = log_in(method, "alice", "right")
    assert identity is not None
    assert (identity.method, identity.name) == ("htpasswd", "alice")
    assert log_in(method, "böb", "pässword:with colons")


@pytest.mark.parametrize(
    ("user", "secret"),
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", "right\0"),
        ("alice", "right\0more"),
        ("Alice", "right"),
        ("alice ", "right"),
        ("nobody", "right"),
        ("", ""),
        ("alice\n", "right"),
        ("alice", "\ud800"),
        ("\ud800", "right"),
    ],
)
def test_anything_else(method: HtpasswdMethod, user: str, secret: str) -> None:
    assert log_in(method, user, secret) is None


def test_a_password_that_is_too_long_is_not_taken_by_its_beginning(method: HtpasswdMethod) -> None:
    assert log_in(method, "long", LONGEST)
    assert log_in(method, "long", LONGEST + "z") is None
    assert log_in(method, "nobody", "x" * 10_000) is None


def test_who_is_unknown_costs_as_much(method: HtpasswdMethod, compared: list[bytes]) -> None:
    log_in(method, "nobody", "right")
    log_in(method, "costly", "wrong")
    unknown, known = compared
    assert unknown.split(b"$")[2] == known.split(b"$")[2] == b"06"


def test_a_password_is_recalled_without_comparing(
    method: HtpasswdMethod, compared: list[bytes]
) -> None:
    password = Password("alice", "right")
    assert method.recall(password) is None
    identity = method.log_in(password)
    assert method.recall(password) == identity
    assert method.recall(Password("alice", "wrong")) is None
    assert method.recall(Password("böb", "right")) is None
    assert len(compared) == 1


def test_a_wrong_password_is_not_recalled(method: HtpasswdMethod) -> None:
    log_in(method, "alice", "wrong")
    log_in(method, "nobody", "wrong")
    assert method.recall(Password("alice", "wrong")) is None
    assert method.recall(Password("nobody", "wrong")) is None


@pytest.mark.parametrize("line", ["", passwords.line("alice", "new"), passwords.line("bob", "x")])
def test_a_change_of_the_line_ends_everything_at_once(path: Path, line: str) -> None:
    method, password = method_of(path), Password("alice", "right")
    identity = method.log_in(password)
    assert identity is not None
    assert method.renew(identity) == identity
    passwords.write(path, line)
    assert method.recall(password) is None
    assert method.renew(identity) is None
    assert method.log_in(password) is None


def test_the_same_password_with_another_hash_ends_refresh_tokens_too(path: Path) -> None:
    method, password = method_of(path), Password("alice", "right")
    identity = method.log_in(password)
    assert identity is not None
    passwords.write(path, passwords.line("alice", "right"))
    assert method.renew(identity) is None
    assert method.recall(password) is None
    assert method.log_in(password) is not None


def test_changes_of_other_lines_end_nothing(path: Path) -> None:
    method = method_of(path)
    identity = log_in(method, "alice", "right")
    assert identity is not None
    path.write_text(path.read_text() + passwords.line("dora", "x"))
    assert method.renew(identity) == identity


def test_all_nodes_know_an_identity_and_its_stamp_is_no_hash(path: Path) -> None:
    identity = log_in(method_of(path), "alice", "right")
    assert identity is not None
    assert method_of(path).renew(Identity.from_claims(identity.to_claims())) == identity
    assert identity.stamp not in path.read_text()
    assert path.read_text().split()[0].partition(":")[2] not in str(identity.to_claims())
    assert identity.stamp not in repr(identity)


def test_stamps_of_users_with_one_hash_differ(path: Path) -> None:
    line = passwords.line("alice", "right")
    passwords.write(path, line, line.replace("alice", "alias"))
    method = method_of(path)
    first, second = log_in(method, "alice", "right"), log_in(method, "alias", "right")
    assert first and second and first.stamp != second.stamp


def test_a_file_that_is_gone_lets_nobody_in_and_refuses_nobody(path: Path) -> None:
    method, password = method_of(path), Password("alice", "right")
    identity = method.log_in(password)
    assert identity is not None
    path.unlink()
    assert method.recall(password) is None
    with pytest.raises(IdentityUnavailable):
        method.log_in(password)
    with pytest.raises(IdentityUnavailable):
        method.renew(identity)


def test_no_path_stops_the_start() -> None:
    with pytest.raises(ConfigError, match=r"auth_htpasswd\.path \(AUTH_HTPASSWD_PATH\).*user add"):
        HtpasswdMethod(Settings())


@pytest.mark.parametrize("name", ["missing", "directory"])
def test_a_file_that_can_not_be_read_stops_the_start(tmp_path: Path, name: str) -> None:
    (tmp_path / "directory").mkdir()
    method = method_of(tmp_path / name)  # No start of a worker depends on it.
    with pytest.raises(ConfigError, match=r"AUTH_HTPASSWD_PATH\).*user add"):
        method.check()


def test_a_file_with_nobody_in_it_is_a_file(tmp_path: Path) -> None:
    method = method_of(passwords.write(tmp_path / "users"))
    method.check()
    assert log_in(method, "alice", "right") is None


def test_a_file_of_apache(tmp_path: Path) -> None:
    htpasswd = Tool("htpasswd", tmp_path / "home")
    path = tmp_path / "users"
    htpasswd("-cbB", path, "alice", "right")
    htpasswd("-bm", path, "md5", "right")
    method = method_of(path)
    assert log_in(method, "alice", "right")
    assert log_in(method, "alice", "wrong") is None
    assert log_in(method, "md5", "right") is None
