"""``docker-registry heal``."""

import click

from docker_registry import drivers
from docker_registry.config import load
from docker_registry.drivers.alternate import Chain
from docker_registry.errors import StorageError
from docker_registry.upkeep.heal import Heal


@click.command()
def heal() -> None:
    """Bring home what alternates took while a backend was away.

    The registry does this by itself; this command waits for the end, and its exit status is 0 only
    if nothing is left. It may be interrupted and run again.
    """
    settings = load()
    store = drivers.create(settings)
    if not isinstance(store, Chain):
        raise click.ClickException(
            "there is nothing to heal: storage_alternate (STORAGE_ALTERNATE) names no driver"
        )
    healed = 0
    try:
        for path, problem in Heal(store).each():
            click.echo(f"{path}: {problem or 'brought home'}", err=bool(problem))
            healed += not problem
        left = store.journal.look()
    except StorageError as error:
        raise click.ClickException(f"{healed} brought home, then: {error}") from error
    if left:
        raise click.ClickException(
            f"{healed} brought home; the rest waits for its backend, or for another process that "
            "is healing now: run it again"
        )
    click.echo(f"{healed} brought home, nothing is left")
