"""Metadata and dependencies are in setup.cfg."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SAMPLE = Path("config", "config_sample.yml")


class BuildWithSample(build_py):
    """Put the sample configuration into the package, where an installed registry finds it."""

    def run(self) -> None:
        """Build; a package that is used where it lies finds the sample in ``config/``."""
        super().run()
        if not self.editable_mode:
            self.copy_file(str(SAMPLE), str(Path(self.build_lib, "docker_registry", SAMPLE)))


setup(cmdclass={"build_py": BuildWithSample})
