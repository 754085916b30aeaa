"""``docker-registry uploads …``."""

import click

from docker_registry import drivers
from docker_registry.config import load
from docker_registry.legacy.store import LegacyStore
from docker_registry.registry import Registry
from docker_registry.upkeep.pushes import PushPurge
from docker_registry.upkeep.uploads import UploadPurge


@click.group()
def uploads() -> None:
    """Look after upload sessions."""


@uploads.command()
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Age of a session's last change; the default is the setting upload_max_age.",
)
@click.option("--dry-run", is_flag=True, help="Only list them.")
def purge(older_than: float | None, dry_run: bool) -> None:
    """Remove the sessions that nobody has gone on with, and images of V1 that never came whole."""
    settings = load()
    if older_than is None and not settings.upload_max_age:
        raise click.UsageError(
            "upload_max_age (UPLOAD_MAX_AGE) is 0, so that uploads are kept for ever: say "
            "--older-than"
        )
    registry = Registry(drivers.create(settings))
    age = settings.upload_max_age if older_than is None else older_than
    job = UploadPurge(registry, age)
    for repository, upload in job.due():
        click.echo(f"{repository} {upload}")
        if not dry_run:
            registry.uploads.remove(repository, upload)
    pushes = PushPurge(LegacyStore(registry.driver, age))
    for image in pushes.due():
        click.echo(f"image {image}")
        if not dry_run:
            pushes.remove(image)
