"""``docker-registry adopt``."""

import sys

import click

from docker_registry import drivers
from docker_registry.cli.progress import Progress
from docker_registry.config import Settings, load
from docker_registry.drivers.base import Stray
from docker_registry.errors import AccessDenied, PathNotFound, QuotaExceeded
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.search import SQL
from docker_registry.search.base import IndexUnavailable
from docker_registry.search.sql import SqlIndex
from docker_registry.upkeep.adoption import Adoption
from docker_registry.upkeep.inspection import Inspection, Tally

_NOTHING = (
    "nothing is stored here. The directory docker/registry/v2 of the other registry has to lie "
    "directly below STORAGE_PATH: see 'docker-registry config check' for what that is"
)


@click.command()
@click.option("--check", is_flag=True, help="Only look at the whole store, and list what is wrong.")
@click.option("--verify", is_flag=True, help="With --check: read all blobs and hash them, too.")
@click.option("--dry-run", is_flag=True, help="Only list what would be done.")
def adopt(check: bool, verify: bool, dry_run: bool) -> None:
    """Take over the store of registry:2 or registry:3, or of docker-registry 0.9.

    Such a store can be served as it is, but for layers that 0.9 kept in Glance: this labels them,
    where they are. It notes which manifests refer to which others, which those registries don't,
    and fills the search index. It runs beside servers, changes nothing that is there, and may be
    run again. The exit status is 1 if the storage refuses something.

    With --check, the exit status is 1 if there are problems; leftovers, which only take room, are
    none.
    """
    if verify and not check:
        raise click.UsageError("--verify goes with --check: give both, or none")
    if check and dry_run:
        raise click.UsageError("--check changes nothing: leave out --dry-run")
    settings = load()
    registry = Registry(drivers.create(settings))
    if check:
        inspection = Inspection(
            registry.driver, verify=verify, sparse_indexes=settings.sparse_indexes
        )
        _check(inspection)
    else:
        adoption = Adoption(registry)
        refused = _take_strays(adoption, dry_run)
        _note_referrers(adoption, dry_run)
        _fill_index(settings, registry, dry_run)
        if refused:
            raise click.ClickException(f"{refused} layers could not be adopted: run it again")


def _check(inspection: Inspection) -> None:
    with Progress("things") as done:
        for finding in inspection.run(done.add):
            click.echo(finding)
    tally = inspection.tally
    if not tally.repositories and not tally.blobs:
        click.echo(f"warning: {_NOTHING}", err=True)
    _show(tally)
    if tally.problems:
        sys.exit(1)


def _show(tally: Tally) -> None:
    for kind, number in (
        ("repositories", tally.repositories),
        ("tags", tally.tags),
        ("manifests", tally.manifests),
        ("blobs", tally.blobs),
        ("bytes", tally.size),
        ("leftovers", tally.leftovers),
        ("problems", tally.problems),
    ):
        click.echo(f"{kind}: {number}")


def _take_strays(adoption: Adoption, dry_run: bool) -> int:
    """Adopt the layers that can be, list them all, and give how many the storage refused."""
    left = refused = 0
    with Progress("layers") as done:
        for stray in adoption.strays():
            problem = stray.obstacle
            if not problem and not dry_run:
                problem = _adopt(stray)
                refused += bool(problem)
            name = f"{stray.where} ({stray.path})" if stray.path else stray.where
            if problem:
                left += 1
                click.echo(f"{name} is left as it is: {problem}")
            else:
                done.add()
                click.echo(name)
    if done.count or left:
        click.echo(f"{done.count} layers {'are to be adopted' if dry_run else 'adopted'}")
    return refused


def _adopt(stray: Stray) -> str:
    """Adopt a layer, and tell what is against it alone."""
    try:
        stray.adopt()
    except (AccessDenied, PathNotFound, QuotaExceeded) as error:
        return str(error)
    return ""


def _note_referrers(adoption: Adoption, dry_run: bool) -> None:
    with Progress("referrers") as done:
        for found in adoption.unnoted():
            click.echo(f"{found.repository}@{found.referrer} refers to {found.subject}")
            if not dry_run:
                adoption.note(found)
            done.add()
    click.echo(f"{done.count} referrers {'are to be noted' if dry_run else 'noted'}")


def _fill_index(settings: Settings, registry: Registry, dry_run: bool) -> None:
    if settings.search_backend != SQL:
        return
    rebuild = SqlIndex(
        settings.sqlalchemy_index_database, registry, LegacyStore(registry.driver)
    ).rebuild
    with Progress("repositories") as done:
        try:
            if dry_run:
                differences = sum(1 for _ in rebuild.differences(lambda _name: done.add()))
                click.echo(f"{differences} differences of the search index are to be mended")
                return
            rebuild.run(lambda _name: done.add())
        except IndexUnavailable as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"{done.count} repositories are indexed")
