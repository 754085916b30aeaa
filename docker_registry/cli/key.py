"""``docker-registry key …``."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from docker_registry import drivers
from docker_registry.auth import tokens
from docker_registry.auth.keys import LOOK_EVERY, PUBLISHED_AFTER, KeyStore, current
from docker_registry.config import load
from docker_registry.errors import PathNotFound


@click.group()
def key() -> None:
    """Look after the keys that sign tokens."""


@key.command("list")
def list_keys() -> None:
    """Show the keys: which, how old, and which one signs."""
    keys = _store().all()
    if not keys:
        click.echo("there is no key yet: the first token makes one")
        return
    signing = current(keys)
    for one in keys:
        created = datetime.fromtimestamp(one.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if one is signing:
            state = "signs"
        else:
            state = "verifies" if one.created < signing.created else "will sign"
        click.echo(f"{one.id}  {created}  {state}")


@key.command()
def rotate() -> None:
    """Make a key, which signs as soon as all nodes have had the time to learn of it.

    What the old ones have signed stays good.
    """
    made = _store().add()
    click.echo(f"{made.id} signs in {PUBLISHED_AFTER} seconds")


@key.command()
@click.argument("key_id", metavar="KEY")
def remove(key_id: str) -> None:
    """Remove a key that somebody else may know: what it has signed is no longer good.

    Clients get new tokens by their passwords; refresh tokens that it has signed are lost.
    """
    store = _store()
    if key_id not in [one.id for one in store.all()]:
        raise click.ClickException(f"there is no key {key_id}: `docker-registry key list`")
    try:
        store.remove(key_id)
    except PathNotFound as error:
        raise click.ClickException("it is gone already") from error
    click.echo(f"no node takes what it has signed after {LOOK_EVERY} seconds")


def _store() -> KeyStore:
    settings = load()
    if settings.tokens.signing_key:
        raise click.ClickException(
            f"the keys are in the file {settings.tokens.signing_key} (TOKENS_SIGNING_KEY): put a "
            "new one in front of the others, and restart the nodes one by one"
        )
    return tokens.key_store(settings, drivers.create(settings))
