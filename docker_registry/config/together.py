"""What the settings of a registry and the variables of its server must say together."""

from __future__ import annotations

from docker_registry.config.model import Settings
from docker_registry.config.runner import Runner
from docker_registry.errors import ConfigError


def check(settings: Settings, runner: Runner) -> None:
    """Check what takes both. Raises ``ConfigError``."""
    _check_workers(settings, runner)
    _check_certificates(settings, runner)


def _check_workers(settings: Settings, runner: Runner) -> None:
    if settings.storage == "memory" and (runner.workers or 1) > 1:
        raise ConfigError(
            f"GUNICORN_WORKERS is {runner.workers}, but what one worker stores in its memory "
            "(storage: memory) another can't see: set it to 1, or choose another storage"
        )


def _check_certificates(settings: Settings, runner: Runner) -> None:
    if (
        "certificate" in settings.auth
        and not settings.auth_certificate.header
        and not runner.tls_client_ca
    ):
        raise ConfigError(
            "auth (AUTH) has certificate, but nobody checks certificates: set "
            "REGISTRY_TLS_CLIENT_CA, or auth_certificate.header (AUTH_CERTIFICATE_HEADER) if a "
            "proxy in front does it"
        )
