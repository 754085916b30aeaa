from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import bcrypt
import pytest

from docker_registry.auth.password_file import COST, PasswordFile, Users
from docker_registry.errors import IdentityUnavailable
from tests import passwords

GOOD = passwords.line("alice", "pw").encode()


@pytest.mark.parametrize("version", [b"$2a$", b"$2b$", b"$2y$"])
def test_versions_of_bcrypt(version: bytes) -> None:
    [(user, hash)] = Users.of(GOOD.replace(b"$2b$", version)).hashes.items()
    assert user == "alice"
    assert bcrypt.checkpw(b"pw", hash)


@pytest.mark.parametrize(
    "line",
    [
        b"bob:$apr1$tN7pTYkx$1jYtGxwWIgmYgFGdsnJ6C0",
        b"bob:{SHA}2PRZAyDhNDqRW2OUFwZQqPNdaSY=",
        b"bob:rqXexS6ZhobKA",
        b"bob:plain",
        b"bob:",
        b"bob",
        b":" + GOOD.split(b":")[1],
        b"b\xffb:" + GOOD.split(b":")[1],
        GOOD.replace(b"alice", b"bob").replace(b"$2b$", b"$2x$"),
        GOOD.replace(b"alice", b"bob").replace(b"$04$", b"$32$"),
        GOOD.replace(b"alice", b"bob").strip() + b"A",
        GOOD.replace(b"alice", b"bob").strip()[:-1],
    ],
)
def test_a_line_without_a_user_and_a_bcrypt_hash_does_not_count(line: bytes) -> None:
    users = Users.of(b"# ours\n\n" + line.strip() + b"\n" + GOOD)
    assert list(users.hashes) == ["alice"]
    assert users.ignored == (3,)


def test_what_counts_can_be_compared_whatever_its_characters() -> None:
    # The library refuses salts that stand for no 16 bytes: such a line must not count.
    for last in "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789":
        salt = f"$2b$04${'a' * 21}{last}"
        for hash in Users.of(f"alice:{salt}{'b' * 31}\n".encode()).hashes.values():
            assert not bcrypt.checkpw(b"pw", hash)


def test_lines_of_other_systems_and_for_people() -> None:
    users = Users.of(
        b"  \n#alice:x\n" + GOOD.strip() + b" \r\n" + passwords.line("böb", "x").encode()
    )
    assert list(users.hashes) == ["alice", "böb"]
    assert users.ignored == ()


def test_of_two_lines_for_a_user_the_first_counts() -> None:
    users = Users.of(GOOD + passwords.line("alice", "other").encode())
    assert bcrypt.checkpw(b"pw", users.hashes["alice"])
    assert users.ignored == (2,)


def test_the_dummy_costs_as_much_as_the_most_costly_hash() -> None:
    content = GOOD + passwords.line("bob", "x", 6).encode()
    assert Users.of(content).dummy.startswith(b"$2b$06$")
    assert Users.of(b"").dummy.startswith(b"$2b$%02d$" % COST)
    assert not bcrypt.checkpw(b"pw", Users.of(content).dummy)


def test_a_change_is_seen_at_once(tmp_path: Path) -> None:
    path = passwords.write(tmp_path / "users", passwords.line("alice", "pw"))
    file = PasswordFile(path)
    assert list(file.users().hashes) == ["alice"]
    passwords.write(path, passwords.line("carla", "pw"))
    assert list(file.users().hashes) == ["carla"]
    path.write_text(passwords.line("david", "pw"))  # In place, and as long.
    assert list(file.users().hashes) == ["david"]
    path.write_text("")
    assert list(file.users().hashes) == []


def test_a_file_that_stays_is_not_read_again(tmp_path: Path) -> None:
    path = passwords.write(tmp_path / "users", passwords.line("alice", "pw"))
    long_ago = time.time() - 3600
    os.utime(path, (long_ago, long_ago))
    file = PasswordFile(path)
    assert file.users() is file.users()


def test_a_file_that_was_just_written_is_read_again(tmp_path: Path) -> None:
    path = passwords.write(tmp_path / "users", passwords.line("alice", "pw"))
    file = PasswordFile(path)
    assert file.users() is not file.users()


def test_a_file_that_is_gone_has_no_users_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = passwords.write(tmp_path / "users", passwords.line("alice", "pw"))
    file = PasswordFile(path)
    file.users()
    path.unlink()
    for _ in range(3):
        with pytest.raises(IdentityUnavailable):
            file.users()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    passwords.write(path, passwords.line("bob", "pw"))
    assert list(file.users().hashes) == ["bob"]
    assert file.users()
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]


def test_lines_that_do_not_count_are_told_once_and_not_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = passwords.write(tmp_path / "users", GOOD.decode(), "bob:a-secret\n", "hunter2\n")
    file = PasswordFile(path)
    file.users()
    file.users()
    [record] = caplog.records
    assert "2, 3" in record.getMessage()
    assert "user add" in record.getMessage()
    assert "a-secret" not in caplog.text and "hunter2" not in caplog.text
