"""The application for a WSGI server of one's own: ``gunicorn docker_registry.wsgi:application``."""

import logging
import sys

from gunicorn.arbiter import Arbiter

from docker_registry.config import load, load_runner
from docker_registry.config.unserved import without_effect
from docker_registry.errors import ConfigError, StorageError
from docker_registry.server import build

log = logging.getLogger("gunicorn.error")
try:
    settings = load()
    for sentence in without_effect(settings):
        log.warning("%s", sentence)
    application = build(settings, load_runner())
except (ConfigError, StorageError) as error:
    log.critical("%s", error)
    # With this status gunicorn stops as a whole, instead of trying again and again.
    sys.exit(Arbiter.WORKER_BOOT_ERROR)
