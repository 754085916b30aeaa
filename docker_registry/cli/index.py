"""``docker-registry index …``."""

import sys

import click

from docker_registry import drivers
from docker_registry.cli.progress import Progress
from docker_registry.config import load
from docker_registry.errors import ConfigError
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.search.base import IndexUnavailable
from docker_registry.search.rebuild import Rebuild
from docker_registry.search.sql import SqlIndex


@click.group()
def index() -> None:
    """Look after the search index."""


@index.command()
def rebuild() -> None:
    """Make the index say what the storage says, beside running servers."""
    with Progress("repositories") as done:
        try:
            _rebuild().run(lambda _name: done.add())
        except IndexUnavailable as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"{done.count} repositories are indexed")


@index.command()
def check() -> None:
    """List what the index and the storage differ in; the exit code is 1 if they do."""
    found = 0
    with Progress("repositories") as done:
        try:
            for difference in _rebuild().differences(lambda _name: done.add()):
                found += 1
                click.echo(difference)
        except IndexUnavailable as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"{done.count} repositories, {found} differences")
    if found:
        sys.exit(1)


@index.command()
def stats() -> None:
    """Count what is indexed."""
    work = _rebuild()
    try:
        for kind, number in work.counts().items():
            click.echo(f"{kind}: {number}")
        click.echo(f"complete: {'yes' if work.is_complete() else 'no'}")
    except IndexUnavailable as error:
        raise click.ClickException(str(error)) from error


def _rebuild() -> Rebuild:
    settings = load()
    if settings.search_backend != "sqlalchemy":
        raise ConfigError(
            "search_backend (SEARCH_BACKEND) is not sqlalchemy: there is no index to look after"
        )
    registry = Registry(drivers.create(settings))
    legacy = LegacyStore(registry.driver)
    return SqlIndex(settings.sqlalchemy_index_database, registry, legacy).rebuild
