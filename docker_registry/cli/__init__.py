"""The command line: ``docker-registry``.

Each module of this package is one command or one group of commands.
"""

from __future__ import annotations

import atexit
import gc
from typing import Any

import click

from docker_registry import __version__
from docker_registry.cli.adopt import adopt
from docker_registry.cli.config import config
from docker_registry.cli.heal import heal
from docker_registry.cli.index import index
from docker_registry.cli.key import key
from docker_registry.cli.migrate import migrate
from docker_registry.cli.serve import serve
from docker_registry.cli.uploads import uploads
from docker_registry.cli.user import user
from docker_registry.errors import ConfigError, StorageError


class _Commands(click.Group):
    """Commands that tell a wrong setting, or a storage that fails, without a trace."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; a ``ConfigError`` or ``StorageError`` ends it with exit status 1."""
        try:
            return super().invoke(context)
        except ConfigError as error:
            raise click.ClickException(str(error)) from error
        except StorageError as error:
            raise click.ClickException(f"the storage can't be used: {error}") from error


@click.group(cls=_Commands, invoke_without_command=True)
@click.version_option(__version__, prog_name="docker-registry")
@click.pass_context
def main(context: click.Context) -> None:
    """Run a container registry. Without a command, serve.

    It is configured by environment variables and a file: see `docker-registry config check`.
    """
    # A process that ends, workers included, needn't look for garbage in all that it has: that takes
    # a second with modules as large as SQLAlchemy.
    atexit.register(gc.freeze)
    if context.invoked_subcommand is None:
        context.invoke(serve)


for command in (adopt, config, heal, index, key, migrate, serve, uploads, user):
    main.add_command(command)
