"""Showing what somebody may do with a repository, and which rule says so."""

from __future__ import annotations

from collections.abc import Iterator

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from docker_registry import auth
from docker_registry.auth.explain import Explanation, explain
from docker_registry.auth.identity import Identity
from docker_registry.auth.issuer import METHOD as OF_TOKENS
from docker_registry.auth.policy import ANONYMOUS_WHO, Action
from docker_registry.config import Settings
from docker_registry.registry.names import RepositoryName
from docker_registry.registry.write_once import WriteOnce


def show(
    settings: Settings, identity: Identity, repository: RepositoryName, console: Console
) -> None:
    """Print what somebody may do with a repository."""
    who = identity.key or ANONYMOUS_WHO
    if identity.method == OF_TOKENS:
        click.echo(
            f"{who} and {repository}: what the token says, which auth_token.name "
            f"({settings.auth_token.name}) has issued; rules are not asked"
        )
    elif settings.auth:
        policy, _ = auth.load(settings)
        click.echo(f"{who} and {repository}:")
        table = Table("action", "allowed", "why", box=None, pad_edge=False)
        for explanation in explain(policy, identity, repository):
            table.add_row(*map(Text, _row(explanation, built_in=not settings.policy)))
        console.print(table)
        if identity.method == "keystone" and not identity.roles:
            click.echo("his roles and his project were not said: --role ROLE --project NAMES")
    else:
        click.echo(f"{who} may do everything with {repository}: auth (AUTH) is not set")
    for sentence in _what_else_holds(settings, repository):
        click.echo(sentence)


def _row(explanation: Explanation, *, built_in: bool) -> tuple[str, str, str]:
    kind = "built-in rule" if built_in else "rule"
    why = "; ".join(f"{kind} {number}: {rule}" for number, rule in explanation.rules)
    allowed = "yes" if explanation.allowed else "no"
    return explanation.action, allowed, why or "no rule is about it"


def _what_else_holds(settings: Settings, repository: RepositoryName) -> Iterator[str]:
    for pattern in WriteOnce.read(settings.write_once).about(repository):
        yield (
            f"tags by {pattern} are written once: none is moved, and to delete one takes "
            f"{Action.ADMIN}"
        )
    if settings.read_only:
        yield "read_only (READ_ONLY) refuses all changes, whoever asks"
    elif not settings.delete_enabled:
        yield "delete_enabled (DELETE_ENABLED) is off: deleting is refused, whoever asks"
