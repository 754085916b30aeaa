"""The Docker engine, for all modules that use it."""

from __future__ import annotations

import pytest

from tests.tools import Tool, require_service


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Tool:
    # Debian's engine has no BuildKit worker without its buildx plugin.
    environment = {**require_service("dockerd"), "DOCKER_BUILDKIT": "0"}
    # No clearing up of all images: other modules use the same engine at the same time.
    return Tool("docker", tmp_path_factory.mktemp("docker"), environment)
