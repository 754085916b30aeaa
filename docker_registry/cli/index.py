"""``docker-registry index …``."""

import sys
from typing import Self

import click
from tqdm import tqdm

from docker_registry import drivers
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
    with _Progress() as done:
        try:
            _rebuild().run(done.add)
        except IndexUnavailable as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"{done.count} repositories are indexed")


@index.command()
def check() -> None:
    """List what the index and the storage differ in; the exit code is 1 if they do."""
    found = 0
    with _Progress() as done:
        try:
            for difference in _rebuild().differences(done.add):
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


class _Progress:
    """A count of repositories, with a bar where there is a terminal."""

    def __init__(self) -> None:
        self.count = 0
        self._bar = tqdm(unit=" repositories", disable=None)

    def add(self, _name: str) -> None:
        """Count one more."""
        self.count += 1
        self._bar.update()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
