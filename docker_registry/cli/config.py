"""``docker-registry config``: what is in effect, and what could be."""

import json
import os
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from docker_registry import drivers, extensions
from docker_registry.config import Settings, load, load_runner, report
from docker_registry.config import convert as conversion
from docker_registry.config.keys import Loaded
from docker_registry.config.unserved import refuse_unsafe, without_effect
from docker_registry.errors import ConfigError

#: Wide enough that nothing is wrapped where another program reads.
PIPE_WIDTH = 10_000


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
def check() -> None:
    """Check the configuration, and show each value in effect with its source.

    Secrets are hidden. The exit status is 1 if the registry would not start with it.
    """
    problems = []
    loaded: list[Loaded] = []
    for part in (_load, load_runner):
        try:
            loaded.append(part())
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        # What is wrong with the file itself is told by both parts.
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    for settings in loaded:
        _show(settings)
        if isinstance(settings, Settings):
            for sentence in without_effect(settings):
                click.echo(f"warning: {sentence}", err=True)


def _load() -> Settings:
    settings = load()
    drivers.load(settings)
    extensions.load(settings)
    refuse_unsafe(settings)
    return settings


def _show(settings: Loaded) -> None:
    origin = settings.provenance
    part = f"flavor {origin.flavor}" if origin.flavor else "configuration of Distribution"
    click.echo(f"{origin.file}, {part}:" if origin.file else "\nserver:")
    layout = Table("key", "value", "source", box=None, pad_edge=False)
    for row in report.effective(settings):
        layout.add_row(*map(Text, row))
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(layout)


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
