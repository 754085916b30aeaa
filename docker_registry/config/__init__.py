"""The settings of a registry, from a configuration file and the environment."""

from docker_registry.config.auth import LoginLimits
from docker_registry.config.loader import load
from docker_registry.config.model import Settings
from docker_registry.config.runner import Runner, load_runner

__all__ = ["LoginLimits", "Runner", "Settings", "load", "load_runner"]
