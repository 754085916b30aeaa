"""The application for a WSGI server of one's own: ``gunicorn docker_registry.wsgi:application``."""

from docker_registry.config import load, load_runner
from docker_registry.server import build

application = build(load(), load_runner())
