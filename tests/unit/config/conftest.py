from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from docker_registry.config import Settings, load

#: Writes a file and loads it: ``load_text("dev: {…}", DEBUG="true")``.
LoadText = Callable[..., Settings]


@pytest.fixture
def load_text(tmp_path: Path) -> LoadText:
    def load_it(text: str, **environ: str) -> Settings:
        file = tmp_path / "registry.yml"
        file.write_text(text, encoding="utf-8")
        return load({"DOCKER_REGISTRY_CONFIG": str(file), **environ})

    return load_it
