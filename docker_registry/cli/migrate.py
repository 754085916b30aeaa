"""``docker-registry migrate``."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Self

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from tqdm import tqdm

from docker_registry import drivers, search
from docker_registry.cli.config import PIPE_WIDTH
from docker_registry.config import Settings, load
from docker_registry.errors import StorageError
from docker_registry.legacy.migration.outcome import NotMigrated, Outcome, Result
from docker_registry.legacy.migration.removal import Removal
from docker_registry.legacy.migration.tags import Migration
from docker_registry.legacy.names import RepositoryName
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry

_NOTHING = (
    "no repository of V1 is stored here: the directories images/ and repositories/ of the old "
    "registry have to lie directly below STORAGE_PATH; see 'docker-registry config check' for what "
    "that is"
)


@click.command()
@click.argument("repositories", nargs=-1)
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option(
    "--remove",
    is_flag=True,
    help="Remove each repository of V1 when all its tags are migrated and all their blobs were "
    "read and found whole; and the images that nothing of V1 needs then.",
)
def migrate(repositories: tuple[str, ...], dry_run: bool, remove: bool) -> None:
    """Make images for today's clients of those that docker-registry 0.9 stored.

    Of all repositories, or of REPOSITORIES: names as V1 has them, such as ubuntu or team/app. It
    may run beside the registry, be interrupted, and be run again; what was done is not done twice.
    The exit status is 1 if a tag can't be migrated.
    """
    if dry_run and remove:
        raise click.UsageError("--dry-run and --remove can't go together: choose one")
    settings = load()
    with _Report() as report:
        run = _Run(settings, report, dry_run=dry_run, remove=remove)
        try:
            run.all(repositories)
        except StorageError as error:
            raise click.ClickException(f"{error}. Run it again to go on") from error
    sys.exit(report.end())


class _Run:
    """One call of the command."""

    def __init__(self, settings: Settings, report: _Report, *, dry_run: bool, remove: bool) -> None:
        registry = Registry(drivers.create(settings))
        legacy = LegacyStore(registry.driver)
        # It hears of what is pushed and removed as long as it is held.
        self._index = search.create(settings, registry, legacy)
        self._report = report
        self._dry_run = dry_run
        self._migration = Migration(registry, report.read)
        self._removal = Removal(registry, report.read, legacy.events) if remove else None

    def all(self, wanted: tuple[str, ...]) -> None:
        """Migrate the repositories, or those of these names."""
        repositories = list(self._migration.repositories(wanted))
        if wanted and len(repositories) < len(set(wanted)):
            found = ", ".join(map(str, repositories)) or "none"
            raise click.UsageError(f"not all of these are repositories of V1; found: {found}")
        if not repositories:
            click.echo(_NOTHING, err=True)
        self._report.expect(len(repositories))
        for repository in repositories:
            self._one(repository)
            self._report.next()
        if self._removal is not None:
            for image in self._removal.remove_images():
                self._report.say(f"image {image}: removed")

    def _one(self, repository: RepositoryName) -> None:
        work = self._migration.foresee if self._dry_run else self._migration.migrate
        outcomes = []
        for source in self._migration.tags(repository):
            self._report.begin(str(source))
            outcomes.append(work(source))
            self._report.add(outcomes[-1])
        if self._removal is None:
            return
        try:
            self._removal.remove_repository(repository, outcomes)
        except NotMigrated as error:
            self._report.complain(f"{repository} (of V1) is not removed", str(error))
        else:
            self._report.say(f"{repository} (of V1): removed")


class _Report:
    """What was done: line by line, and in the end what could not be."""

    def __init__(self) -> None:
        self._counts: Counter[Result] = Counter()
        self._problems: list[tuple[str, str]] = []
        self._bytes = 0
        self._bar = tqdm(unit=" repositories", disable=None)

    def expect(self, repositories: int) -> None:
        """Say how many repositories there are."""
        self._bar.reset(repositories)

    def next(self) -> None:
        """Count one repository."""
        self._bar.update()

    def begin(self, name: str) -> None:
        """Show what is done now."""
        self._bar.set_description(name)

    def read(self, size: int) -> None:
        """Count bytes that were read."""
        self._bytes += size
        self._bar.set_postfix_str(f"{tqdm.format_sizeof(self._bytes, 'B', 1024)} read", False)
        self._bar.update(0)

    def add(self, outcome: Outcome) -> None:
        """Tell what became of a tag."""
        self._counts[outcome.result] += 1
        if outcome.result is Result.FAILED:
            self._problems.append((str(outcome.source), outcome.why))
        else:
            self.say(str(outcome))

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        tqdm.write(line)

    def complain(self, what: str, why: str) -> None:
        """Keep a problem for the end."""
        self._problems.append((what, why))

    def end(self) -> int:
        """Print the numbers and the problems, and give the exit status."""
        if self._problems:
            table = Table("not migrated", "why", box=None, pad_edge=False)
            for row in self._problems:
                table.add_row(*map(Text, row))
            Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)
        numbers = [f"{self._counts[result]} {result}" for result in Result if self._counts[result]]
        click.echo(f"{self._counts.total()} tags: {', '.join(numbers) or 'nothing to do'}")
        return 1 if self._problems else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
