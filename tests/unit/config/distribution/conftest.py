"""Loading a configuration of Distribution."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from docker_registry.config import Runner, Settings, load, load_runner

#: The least that Distribution takes.
LEAST = "version: 0.1\nstorage: inmemory\n"

#: Loads YAML, to which ``version`` and a driver are added if they lack, with an environment.
LoadBoth = Callable[..., tuple[Settings, Runner]]


@pytest.fixture
def load_both(tmp_path: Path) -> LoadBoth:
    def load_it(text: str, **environ: str) -> tuple[Settings, Runner]:
        lacking = [
            line for line in LEAST.splitlines() if f"\n{line.partition(':')[0]}:" not in f"\n{text}"
        ]
        file = tmp_path / "config.yml"
        file.write_text("\n".join([*lacking, text, ""]), encoding="utf-8")
        variables = {"DOCKER_REGISTRY_CONFIG": str(file), **environ}
        return load(variables), load_runner(variables)

    return load_it
