"""The shell scripts of the repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.tools import CHECKOUT, require_tool

SCRIPTS = [CHECKOUT / ".ci/run", *sorted(CHECKOUT.glob("contrib/**/*.sh"))]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_no_complaint(script: Path) -> None:
    checked = subprocess.run(
        [require_tool("shellcheck"), script], capture_output=True, text=True, check=False
    )
    assert checked.stdout == ""
    assert checked.returncode == 0
