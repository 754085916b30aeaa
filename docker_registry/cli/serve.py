"""``docker-registry serve``."""

import click

from docker_registry import server
from docker_registry.config import load, load_runner


@click.command()
def serve() -> None:
    """Serve the registry until a signal ends it.

    SIGTERM lets running transfers end, for GUNICORN_GRACEFUL_TIMEOUT seconds; SIGINT doesn't.
    """
    server.serve(load(), load_runner())
