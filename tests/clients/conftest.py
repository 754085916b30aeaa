"""The Docker engine, for all modules that use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tools import Tool, require_service


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    # Debian's engine has no BuildKit worker without its buildx plugin.
    environment = {**require_service("dockerd"), "DOCKER_BUILDKIT": "0"}
    docker = Tool("docker", tmp_path_factory.mktemp("docker"), environment)
    yield docker
    docker("image", "prune", "--all", "--force")
