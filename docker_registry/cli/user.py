"""``docker-registry user …``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from docker_registry.auth import password_edit
from docker_registry.auth.password_file import Users
from docker_registry.config import load
from docker_registry.errors import ConfigError

_file = click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file with the users; the default is the setting auth_htpasswd.path.",
)


def _checked(check: Callable[[str], str]) -> Callable[[Any, Any, str], str]:
    def callback(_context: object, _parameter: object, value: str) -> str:
        try:
            return check(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return callback


_name = click.argument("name", callback=_checked(password_edit.check_name))


@click.group()
def user() -> None:
    """Look after the users of auth: htpasswd. A running registry sees every change."""


@user.command()
@_name
@_file
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def add(name: str, path: Path | None, password_stdin: bool) -> None:
    """Add NAME, or give NAME another password. The file is made if it isn't there."""
    path = path or _path()
    password = _password_of_stdin() if password_stdin else _ask_for_password()
    with _problems(path):
        changed = password_edit.put(path, name, password_edit.hash_of(password))
    click.echo(f"{name} has another password" if changed else f"{name} was added")


@user.command("list")
@_file
def list_users(path: Path | None) -> None:
    """List the users."""
    path = path or _path()
    with _problems(path):
        users = Users.of(path.read_bytes())
    for name in users.hashes:
        click.echo(name)
    for number in users.ignored:
        click.echo(
            f"warning: line {number} counts for nothing: it has no user with a bcrypt hash, or one "
            "whom a line above has",
            err=True,
        )


@user.command()
@_name
@_file
def remove(name: str, path: Path | None) -> None:
    """Remove NAME, who can't log in from then on."""
    path = path or _path()
    with _problems(path):
        if not password_edit.remove(path, name):
            raise click.ClickException(f"{name} is not in {path}")
    click.echo(f"{name} was removed")


def _path() -> Path:
    path = load().auth_htpasswd.path
    if not path:
        raise ConfigError(
            "auth_htpasswd.path (AUTH_HTPASSWD_PATH) is not set: set it to the path of the file "
            "with the users, or say --file"
        )
    return Path(path)


def _ask_for_password() -> str:
    given: str = click.prompt(
        "Password",
        hide_input=True,
        confirmation_prompt=True,
        value_proc=_usable,
    )
    return given


def _usable(given: str) -> str:
    try:
        return password_edit.check_password(given)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _password_of_stdin() -> str:
    # As `echo` and `docker login` have it: the end of the line is no part of it.
    line = sys.stdin.buffer.read().removesuffix(b"\n").removesuffix(b"\r")
    try:
        return _usable(line.decode())
    except UnicodeDecodeError as error:
        raise click.UsageError("the password on standard input should be UTF-8") from error


@contextmanager
def _problems(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not path.parent.is_dir():
            message = f"{path}: there is no directory {path.parent}: make it first"
            raise click.ClickException(message) from error
        raise click.ClickException(f"{path}: {error.strerror or error}") from error
