"""``docker-registry config``: what is in effect, and what could be."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from docker_registry import auth, drivers, extensions
from docker_registry.api.audit_log import check_log
from docker_registry.auth.identity import ANONYMOUS, Identity
from docker_registry.auth.issuer import METHOD as OF_TOKENS
from docker_registry.auth.policy import ANONYMOUS_WHO
from docker_registry.cli import permissions
from docker_registry.config import Runner, Settings, load, load_runner, report, together
from docker_registry.config import convert as conversion
from docker_registry.config.keys import Loaded
from docker_registry.config.unserved import refuse_unsafe, without_effect
from docker_registry.drivers.memory import MemoryDriver
from docker_registry.errors import ConfigError, NameInvalid
from docker_registry.registry.names import RepositoryName
from docker_registry.registry.write_once import WriteOnce

#: Wide enough that nothing is wrapped where another program reads.
PIPE_WIDTH = 10_000


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@click.option(
    "--as",
    "user",
    metavar="NAME",
    help="Show instead what a user may do, or anonymous; with --repository.",
)
@click.option("--repository", metavar="REPOSITORY", help="What he would do it with.")
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="A group he is in.")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="A role he has.")
@click.option("--project", metavar="NAMES", help="How the repositories of his project begin.")
@click.option("--domain", metavar="DOMAIN", help="The domain he is in.")
@click.option(
    "--method",
    metavar="METHOD",
    help="How he logs in; by default what auth (AUTH) has first, but token.",
)
def check(
    *,
    user: str | None,
    repository: str | None,
    groups: tuple[str, ...],
    roles: tuple[str, ...],
    project: str | None,
    domain: str | None,
    method: str | None,
) -> None:
    """Check the configuration, and show each value in effect with its source.

    Secrets are hidden. The exit status is 1 if the registry would not start with it. Files are
    looked at; the store, Keystone and other servers are not asked.
    """
    if (user is None) != (repository is None):
        raise click.UsageError("--as and --repository go together")
    if user is None or repository is None:
        _check()
        return
    settings = _load()
    if user == ANONYMOUS_WHO and not method:
        identity = ANONYMOUS
    else:
        how = _method(settings, method)
        identity = Identity(how, user, frozenset(groups), frozenset(roles), project, domain)
    permissions.show(settings, identity, _name(repository), _console())


def _check() -> None:
    problems: list[str] = []
    settings: Settings | None = None
    runner: Runner | None = None
    with _noting(problems):
        settings = _load()
    with _noting(problems):
        runner = load_runner()
    if settings is not None:
        with _noting(problems):
            _look_at_files(settings)
        with _noting(problems):
            check_log(settings)
        if runner is not None:
            with _noting(problems):
                together.check(settings, runner)
    if settings is None or runner is None or problems:
        # What is wrong with the file itself is told by both parts.
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    _show(settings)
    for sentence in without_effect(settings):
        click.echo(f"warning: {sentence}", err=True)
    _show(runner)


@contextmanager
def _noting(problems: list[str]) -> Iterator[None]:
    """Note what is wrong, so that all of it is told at once."""
    try:
        yield
    except ConfigError as error:
        problems.append(str(error))


def _load() -> Settings:
    settings = load()
    drivers.load(settings)
    extensions.load(settings)
    refuse_unsafe(settings)
    auth.load(settings)
    WriteOnce.read(settings.write_once)
    return settings


def _look_at_files(settings: Settings) -> None:
    # As at the start, but for what is asked elsewhere: the store, where keys for tokens are kept,
    # and Keystone.
    authority = auth.create(settings, MemoryDriver())
    if authority is not None:
        authority.check_files()


def _method(settings: Settings, given: str | None) -> str:
    """Give how somebody logs in who is asked about."""
    if not settings.auth:
        return ""
    if given is None:
        # What a token of somebody else is good for, rules don't say.
        return next((one for one in settings.auth if one != OF_TOKENS), OF_TOKENS)
    if given not in settings.auth:
        raise click.BadParameter(
            f"it should be in auth (AUTH), which has {', '.join(settings.auth)}",
            param_hint="--method",
        )
    return given


def _name(text: str) -> RepositoryName:
    try:
        return RepositoryName.parse(text)
    except NameInvalid as error:
        raise click.BadParameter(error.message, param_hint="--repository") from error


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def _show(settings: Loaded) -> None:
    origin = settings.provenance
    part = f"flavor {origin.flavor}" if origin.flavor else "configuration of Distribution"
    click.echo(f"{origin.file}, {part}:" if origin.file else "\nserver:")
    layout = Table("key", "value", "source", box=None, pad_edge=False)
    for row in report.effective(settings):
        layout.add_row(*map(Text, row))
    _console().print(layout)


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
def convert(file: Path) -> None:
    """Print the flavor that does what FILE does, a config.yml of CNCF Distribution.

    The REGISTRY_* variables that override FILE are worked in. What no flavor can say, and what has
    no effect, is in comments.
    """
    written = conversion.convert({**os.environ, "DOCKER_REGISTRY_CONFIG": str(file)})
    click.echo(written.text, nl=False)
    if written.secrets:
        click.echo(
            f"warning: it holds secrets ({', '.join(written.secrets)}): let nobody else read it",
            err=True,
        )


@config.command()
def schema() -> None:
    """Print the JSON Schema of a configuration file."""
    click.echo(json.dumps(report.schema(), indent=2))


@config.command()
def docs() -> None:
    """Print the reference of all keys as Markdown."""
    click.echo(report.documentation(), nl=False)
