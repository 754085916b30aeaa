from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.conftest import AppFactory
from tests.api.v1.pushes import V1Pushes


class WholeAnswers(FlaskClient):
    """A client that reads each answer to its end, so that no file stays open."""

    def open(self, *arguments: Any, **named: Any) -> TestResponse:
        return super().open(*arguments, buffered=True, **named)


@pytest.fixture(params=["memory", "local"])
def client(
    make_app: AppFactory, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[FlaskClient]:
    app = make_app(storage=request.param, storage_path=str(tmp_path), storage_fsync=False)
    app.test_client_class = WholeAnswers
    with app.test_client() as client:
        yield client


@pytest.fixture
def v1(client: FlaskClient) -> V1Pushes:
    return V1Pushes(client)
