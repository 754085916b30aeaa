"""``docker-registry serve``."""

import click

from docker_registry.config import load, load_runner


@click.command()
def serve() -> None:
    """Serve the registry until a signal ends it.

    SIGTERM lets running transfers end, for GUNICORN_GRACEFUL_TIMEOUT seconds; SIGINT doesn't.
    """
    # Here, so that all other commands start without gunicorn and the application.
    from docker_registry import server  # noqa: PLC0415

    server.serve(load(), load_runner())
